package import CairnCatalog
package import CairnModel
internal import CairnNodeClient
internal import NIOCore

/// Uploads in parts: each part is stored when it comes, and the object is made of their chunks without copying a byte.
///
/// What is never completed is forgotten after ``ObjectService/Settings/uploadTimeMax``, and its chunks go as orphans.
extension ObjectService {
  /// As in S3.
  package static let partNumbers = 1...10_000

  /// Begins an upload.
  package func beginUpload(
    _ name: ObjectName, _ description: UploadDescription
  ) async throws(ObjectError) -> PendingUpload {
    let upload = PendingUpload(
      id: ids.next(), name: name, contentType: description.contentType, replicas: description.replicas)
    do throws(CatalogError) {
      try await catalog.add(upload, lifetime: settings.uploadTimeMax)
    } catch {
      throw ObjectError(error)
    }
    return upload
  }

  /// What there is of an upload.
  ///
  /// - Throws: ``ObjectError/noSuchUpload``.
  package func upload(_ id: BlobID) async throws(ObjectError) -> PendingUpload {
    let upload: PendingUpload?
    do throws(CatalogError) { upload = try await catalog.upload(id) } catch { throw ObjectError(error) }
    guard let upload else { throw .noSuchUpload }
    return upload
  }

  /// Stores a part, in the place of one of the same number.
  ///
  /// - Parameter number: one of ``partNumbers``.
  /// - Throws: ``ObjectError/noSuchUpload``, before the body is read or after.
  package func putPart(_ number: Int, of id: BlobID, _ body: BodySource) async throws(ObjectError) -> UploadPart {
    let upload = try await upload(id)
    // Else the last of many parts would tell what the first one can.
    let size = upload.parts.reduce(body.length ?? 0) { $0 + ($1.number == number ? 0 : $1.size) }
    guard size <= settings.objectSizeMax else { throw .tooLarge(limit: settings.objectSizeMax) }
    let staged = try await stage(body, inlineMax: -1, replicas: upload.replicas)
    let part = UploadPart(
      number: number, size: staged.size, md5: staged.md5, sha256: staged.sha256, chunks: staged.chunks,
      isDegraded: staged.isDegraded)
    let isKept: Bool
    // Where the catalog does not answer the part may be there all the same: then its chunks are no garbage.
    do throws(CatalogError) { isKept = try await catalog.put(part, of: id) } catch { throw ObjectError(error) }
    guard isKept else {
      discard(staged)
      throw .noSuchUpload
    }
    return part
  }

  /// Gives an upload up: what was stored of it becomes garbage. False where there is none.
  package func abandonUpload(_ id: BlobID) async throws(ObjectError) -> Bool {
    guard let upload = try await claim(id) else { return false }
    garbage.add(upload.parts.flatMap { $0.chunks.map(\.location) })
    return true
  }

  /// Makes an object of an upload's parts, in order of their numbers. All of it is read and hashed before.
  ///
  /// - Parameter expected: the SHA-256 that the sender says the whole has; nil where it doesn't say. When it is another
  ///   one, the upload is given up.
  /// - Throws: ``ObjectError/noSuchUpload``, also for one that another caller completes.
  package func completeUpload(
    _ id: BlobID, sha256 expected: Digest?, onConflict rule: ConflictRule
  ) async throws(ObjectError) -> PutResult {
    let chunks = try await upload(id).parts.flatMap(\.chunks)
    guard chunks.count <= Manifest.chunkCountMax else { throw .tooLarge(limit: settings.objectSizeMax) }
    let manifest = Manifest(chunks: chunks)
    let size = chunks.reduce(0) { $0 + UInt64($1.length) }
    guard size <= settings.objectSizeMax else { throw .tooLarge(limit: settings.objectSizeMax) }
    let (md5, sha256) = try await hash(manifest, size: size)
    // Nobody else has it from here on, so no chunk gets into two objects.
    guard let upload = try await claim(id) else { throw .noSuchUpload }
    let staged = StagedObject(
      size: size, md5: md5, sha256: sha256, layout: .manifest, payload: manifest.encoded(), chunks: chunks,
      isDegraded: upload.parts.contains(where: \.isDegraded))
    guard upload.parts.flatMap(\.chunks) == chunks, expected == nil || expected == sha256, !chunks.isEmpty else {
      garbage.add(upload.parts.flatMap { $0.chunks.map(\.location) })
      throw chunks.isEmpty ? .noSuchUpload : .changedOnTheWay
    }
    if let done = try await completed(upload.name, chunks, sha256) { return done }
    return try await commit(
      staged, as: upload.name, UploadDescription(contentType: upload.contentType, replicas: upload.replicas),
      onConflict: rule)
  }

  /// The object that was made of these chunks already. A catalog that went back to an earlier state may know the upload
  /// again, and a second object of the same chunks would lose them with the first.
  private func completed(
    _ name: ObjectName, _ chunks: [Manifest.Chunk], _ sha256: Digest
  ) async throws(ObjectError) -> PutResult? {
    guard let current = try await object(name), current.attributes.layout == .manifest,
      current.attributes.sha256 == sha256, try await manifest(of: current).chunks == chunks
    else { return nil }
    let status = try await replication(of: current)
    return PutResult(
      name: name, object: current, nodes: status.successful.sorted(), replaced: true, isDegraded: !status.isComplete)
  }

  private func claim(_ id: BlobID) async throws(ObjectError) -> PendingUpload? {
    do throws(CatalogError) { return try await catalog.claim(id) } catch { throw ObjectError(error) }
  }

  private func hash(_ manifest: Manifest, size: UInt64) async throws(ObjectError) -> (md5: Digest, sha256: Digest) {
    let sink = HashingSink(threads)
    do {
      try await content(of: manifest, range: 0..<size).write(to: sink)
    } catch let error as ObjectError {
      throw error
    } catch {
      throw .unavailable("a part could not be read: \(error)")
    }
    return sink.finish()
  }
}
