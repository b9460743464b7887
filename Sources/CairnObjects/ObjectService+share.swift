package import CairnModel
internal import CairnCatalog
internal import NIOCore

/// Objects that have chunks in common.
///
/// Garbage is not counted by references. So an object says in its head record that it may share its chunks; when it goes
/// only its head is told to be garbage, and the chunks are found by ``OrphanSweep`` once no object has them.
///
/// The source gets such a head before the copy does, so there is no moment, and no catalog that is rebuilt from head
/// records, in which one of two objects with the same chunks doesn't say so. A sweep that looks meanwhile could see the
/// copy's name before it is there, and the source's after it is gone: a claimed upload that nobody completes stands for
/// the chunks in the catalog until every sweep that had begun before is over.
extension ObjectService {
  /// How long shared chunks are kept from being orphans after they were shared. No sweep may take longer.
  static let shareLifetime: Duration = .seconds(86_400)

  /// Stores an object under another name too, or again under its own, without copying its chunks.
  ///
  /// - Parameters:
  ///   - source: the object as it was seen.
  ///   - sourceName: its name.
  ///   - description: what the new object is to have; nil for what the source has.
  /// - Returns: nil where nothing can be shared, because the source has no chunks or has been replaced meanwhile: its
  ///   bytes can be copied.
  package func share(
    _ source: StoredObject, of sourceName: ObjectName, as name: ObjectName, _ description: UploadDescription?,
    onConflict rule: ConflictRule
  ) async throws(ObjectError) -> PutResult? {
    guard source.attributes.layout == .manifest else { return nil }
    let manifest = try await manifest(of: source, named: sourceName)
    try await pin(manifest, for: name)
    guard let marked = try await markShared(source, sourceName) else { return nil }
    var rule = rule
    if name == sourceName, rule == .replace(source.head.blob) { rule = .replace(marked.head.blob) }
    var attributes = marked.attributes
    if let description {
      attributes.contentType = description.contentType
      attributes.originalFilename = description.originalFilename
      attributes.metadata = description.metadata
    }
    return try await commit(
      StagedHead(attributes: attributes, payload: manifest.encoded()), as: name, replicas: description?.replicas,
      onConflict: rule)
  }

  /// - Returns: nil where the object has been replaced meanwhile.
  private func markShared(_ object: StoredObject, _ name: ObjectName) async throws(ObjectError) -> StoredObject? {
    if object.attributes.sharesChunks { return try await self.object(name) == object ? object : nil }
    do throws(ObjectError) {
      var attributes = object.attributes
      attributes.sharesChunks = true
      return try await rewrite(name, object, with: attributes).object
    } catch {
      if case .conditionFailed = error { return nil }
      throw error
    }
  }

  private func pin(_ manifest: Manifest, for name: ObjectName) async throws(ObjectError) {
    let id = ids.next()
    var pin = PendingUpload(
      id: id, name: name, attributes: .ofUpload("application/octet-stream", id), replicas: nil)
    pin.isClaimed = true
    pin.parts = [
      UploadPart(
        number: 1, size: 0, md5: Digest([UInt8]()), sha256: Digest([UInt8]()), chunks: manifest.chunks,
        isDegraded: false)
    ]
    do throws(CatalogError) { try await catalog.add(pin, lifetime: Self.shareLifetime) } catch {
      throw ObjectError(error)
    }
  }
}
