package import CairnCatalog
package import CairnModel
internal import CairnNodeClient
internal import Logging
internal import NIOCore

/// Uploads in parts: each part is stored when it comes, and the object is made of their chunks without copying a byte.
///
/// What is never completed is forgotten after ``ObjectService/Settings/multipartExpiry``, and its chunks go as orphans.
extension ObjectService {
  /// As in S3.
  package static let partNumbers = 1...Manifest.partCountMax
  /// For so long at least a claimed upload keeps its chunks from being orphans: longer than any commit takes.
  private static let claimLifetime: Duration = .seconds(3600)
  /// Uploads of a deleted bucket that are given up at the same time: each waits for a sync, which they share.
  private static let endedAtOnce = 32

  /// Begins an upload.
  ///
  /// - Parameters:
  ///   - bucket: the one that the caller may write to. Every later call for the upload must name the same one.
  ///   - checksum: what each part, and the whole, is to have besides; nil for nothing.
  package func beginUpload(
    _ key: ObjectKey, in bucket: BucketIdentity, _ description: UploadDescription, checksum: UploadChecksum? = nil
  ) async throws(ObjectError) -> PendingUpload {
    // Whoever may write to the bucket may use the upload when they know its id.
    let id = ids.nextUnpredictable()
    var attributes = ObjectAttributes.ofUpload(description.contentType, id)
    attributes.originalFilename = description.originalFilename
    attributes.metadata = description.metadata
    var upload = PendingUpload(
      id: id, name: ObjectName(bucket: bucket.name, key: key), attributes: attributes, replicas: description.replicas)
    upload.bucketCreatedAt = bucket.createdAt
    upload.checksum = checksum
    do throws(CatalogError) {
      try await catalog.add(upload, lifetime: settings.multipartExpiry)
    } catch {
      throw ObjectError(error)
    }
    return upload
  }

  /// What there is of an upload.
  ///
  /// - Parameter bucket: the one that the caller may write to.
  /// - Throws: ``ObjectError/noSuchUpload``, also for an upload to another bucket.
  package func upload(_ id: BlobID, in bucket: BucketIdentity) async throws(ObjectError) -> PendingUpload {
    let upload: PendingUpload?
    do throws(CatalogError) { upload = try await catalog.upload(id) } catch { throw ObjectError(error) }
    guard let upload, upload.bucket == bucket, !upload.isClaimed else { throw .noSuchUpload }
    return upload
  }

  /// The chunks of an upload, also of one that is claimed; none where there is none.
  func chunks(ofUpload id: BlobID) async throws(ObjectError) -> [Manifest.Chunk] {
    do throws(CatalogError) { return try await catalog.upload(id)?.parts.flatMap(\.chunks) ?? [] } catch {
      throw ObjectError(error)
    }
  }

  /// A page of uploads in order of bucket, key and age, without their parts.
  package func uploads(_ range: UploadRange, limit: Int) async throws(ObjectError) -> [PendingUpload] {
    do throws(CatalogError) { return try await catalog.uploads(range, limit: limit) } catch { throw ObjectError(error) }
  }

  /// Stores a part, in the place of one of the same number.
  ///
  /// - Parameters:
  ///   - number: one of ``partNumbers``.
  ///   - bucket: the one that the caller may write to.
  /// - Throws: ``ObjectError/noSuchUpload``, before the body is read or after.
  package func putPart(
    _ number: Int, of id: BlobID, in bucket: BucketIdentity, _ body: BodySource
  ) async throws(ObjectError) -> UploadPart {
    let upload = try await upload(id, in: bucket)
    // Else the last of many parts would tell what the first one can.
    let size = upload.parts.reduce(body.length ?? 0) { $0 + ($1.number == number ? 0 : $1.size) }
    guard size <= settings.objectSizeMax else { throw .tooLarge(limit: settings.objectSizeMax) }
    var body = body
    if body.checksum == nil { body.checksum = upload.checksum.map { BodyChecksum($0.algorithm) } }
    let staged = try await stage(body, inlineMax: -1, replicas: upload.replicas)
    let part = UploadPart(
      number: number, size: staged.size, md5: staged.digests.md5, sha256: staged.digests.sha256,
      checksum: staged.digests.checksum, chunks: staged.chunks, isDegraded: staged.isDegraded)
    let isKept: Bool
    do throws(ObjectError) { try refuseOld(staged.chunks) } catch {
      discard(staged)
      throw error
    }
    // Where the catalog does not answer the part may be there all the same: then its chunks are no garbage.
    do throws(CatalogError) { isKept = try await catalog.put(part, of: id) } catch { throw ObjectError(error) }
    guard isKept else {
      discard(staged)
      throw .noSuchUpload
    }
    return part
  }

  /// Stores bytes of an object as a part.
  ///
  /// - Parameters:
  ///   - bucket: the one that the caller may write to.
  ///   - name: the source's name.
  ///   - range: within the object.
  package func copyPart(
    _ number: Int, of id: BlobID, in bucket: BucketIdentity, from source: StoredObject, named name: ObjectName,
    range: Range<UInt64>
  ) async throws(ObjectError) -> UploadPart {
    do throws(ObjectError) {
      return try await putPart(number, of: id, in: bucket, body(of: source, named: name, range: range))
    } catch .changedOnTheWay {
      throw .corrupt("what was read for a copy is not what was stored")
    }
  }

  /// Gives an upload up: what was stored of it becomes garbage.
  ///
  /// - Parameter bucket: the one that the caller may write to.
  /// - Throws: ``ObjectError/noSuchUpload``.
  package func abandonUpload(_ id: BlobID, in bucket: BucketIdentity) async throws(ObjectError) {
    let seen = try await upload(id, in: bucket)
    guard let upload = try await claim(seen.id) else { throw .noSuchUpload }
    await giveUp(upload)
  }

  /// Gives up every upload to a bucket that was deleted.
  ///
  /// What a failure or a crash leaves ends after ``Settings/multipartExpiry``. Nobody can reach it until then: a bucket
  /// that is created under the same name has another identity.
  package func endUploads(in bucket: BucketIdentity) async {
    var range = UploadRange(bucket)
    do throws(ObjectError) {
      while true {
        let page = try await uploads(range, limit: CatalogLimits.pageLengthMax)
        await endUploads(page)
        guard page.count == CatalogLimits.pageLengthMax, let last = page.last else { return }
        range = range.after(last)
      }
    } catch {
      logger.notice("uploads not ended", metadata: ["bucket": "\(bucket.name.text)", "error": "\(error)"])
    }
  }

  private func endUploads(_ uploads: [PendingUpload]) async {
    await withTaskGroup(of: Void.self) { group in
      for (index, upload) in uploads.enumerated() {
        if index >= Self.endedAtOnce { await group.next() }
        group.addTask {
          do throws(ObjectError) { try await abandonUpload(upload.id, in: upload.bucket) } catch .noSuchUpload {
            // It was completed or given up meanwhile.
          } catch {
            logger.notice("upload not ended", metadata: ["upload": "\(upload.id)", "error": "\(error)"])
          }
        }
      }
    }
  }

  /// Makes an object of an upload's parts, in order of their numbers. All of it is read and hashed before.
  ///
  /// - Parameters:
  ///   - bucket: the one that the caller may write to.
  ///   - expected: the SHA-256 that the sender says the whole has; nil where it doesn't say. When it is another one, the
  ///     upload is given up.
  /// - Throws: ``ObjectError/noSuchUpload``, also for one that another caller completes.
  package func completeUpload(
    _ id: BlobID, in bucket: BucketIdentity, sha256 expected: Digest?, onConflict rule: ConflictRule
  ) async throws(ObjectError) -> PutResult {
    let upload = try await upload(id, in: bucket)
    let manifest = Manifest(chunks: upload.parts.flatMap(\.chunks))
    let size = try size(of: manifest)
    let digests = try await hash(manifest, size: size)
    guard let claimed = try await claim(id) else { throw .noSuchUpload }
    guard claimed.parts == upload.parts, expected == nil || expected == digests.sha256, !upload.parts.isEmpty else {
      await giveUp(claimed)
      throw upload.parts.isEmpty ? .noSuchUpload : .changedOnTheWay
    }
    if let done = try await completed(claimed) { return done }
    var attributes = upload.attributes
    attributes.size = size
    attributes.md5 = digests.md5
    attributes.sha256 = digests.sha256
    // The bytes of the whole were hashed: what they are counts, not how they came.
    attributes.assembly = nil
    return try await commit(claimed, claimed.parts, manifest, attributes, onConflict: rule)
  }

  /// Makes an object of some parts of an upload without looking at a byte. The other parts become garbage.
  ///
  /// - Parameters:
  ///   - upload: as ``upload(_:in:)`` showed it to somebody who may write to its bucket.
  ///   - parts: those of `upload` that are to be in it, in order; not none.
  ///   - checksum: of the whole, as it follows from those of the parts.
  /// - Returns: nil where one of the parts was replaced meanwhile: the upload is as it was.
  /// - Throws: ``ObjectError/noSuchUpload``, also for one that another caller completes.
  package func completeUpload(
    _ upload: PendingUpload, of parts: [UploadPart], checksum: ObjectChecksum?, onConflict rule: ConflictRule
  ) async throws(ObjectError) -> PutResult? {
    let manifest = Manifest(
      chunks: parts.flatMap(\.chunks),
      parts: parts.map { Manifest.Part(size: $0.size, checksum: $0.checksum?.value) })
    let size = try size(of: manifest)
    guard let claimed = try await claim(upload.id) else { throw .noSuchUpload }
    if let done = try await completed(claimed) { return done }
    guard parts.allSatisfy(claimed.parts.contains) else {
      await release(upload.id)
      return nil
    }
    var attributes = upload.attributes
    attributes.size = size
    attributes.checksum = checksum
    attributes.assembly = Assembly(
      digest: Self.digest(of: parts.map(\.md5)), partCount: UInt32(clamping: parts.count), upload: upload.id)
    return try await commit(claimed, parts, manifest, attributes, onConflict: rule)
  }

  /// The object that was made of an upload, where it is the current version of its name.
  package func completedUpload(_ id: BlobID, _ name: ObjectName) async throws(ObjectError) -> PutResult? {
    guard let current = try await object(name), current.attributes.assembly?.upload == id else { return nil }
    return try await result(name, current)
  }

  private func result(_ name: ObjectName, _ object: StoredObject) async throws(ObjectError) -> PutResult {
    let status = try await replication(of: object, named: name)
    return PutResult(
      name: name, object: object, nodes: status.successful.sorted(), replaced: true, isDegraded: !status.isComplete)
  }

  /// The MD5 of MD5s, as in the entity tag of an object that came in parts.
  package static func digest(of digests: [Digest]) -> Digest {
    ChecksumHasher.md5(of: digests.flatMap(\.bytes))
  }

  private func commit(
    _ upload: PendingUpload, _ parts: [UploadPart], _ manifest: Manifest, _ attributes: ObjectAttributes,
    onConflict rule: ConflictRule
  ) async throws(ObjectError) -> PutResult {
    let result: PutResult
    do throws(ObjectError) {
      result = try await commit(
        StagedHead(
          attributes: attributes, payload: manifest.encoded(), isDegraded: parts.contains(where: \.isDegraded)),
        as: upload.name, replicas: upload.replicas, onConflict: rule)
    } catch {
      // Whoever tries again must not make a second object of the chunks.
      if case .outcomeUnknown = error {} else { await release(upload.id) }
      throw error
    }
    await forget(upload.id)
    let used = Set(manifest.chunks.map(\.location))
    garbage.add(upload.parts.flatMap(\.chunks).map(\.location).filter { !used.contains($0) })
    return result
  }

  /// The object that was made of these chunks already. A catalog that went back to an earlier state may know the upload
  /// again, and a second object of the same chunks would lose them with the first.
  private func completed(_ upload: PendingUpload) async throws(ObjectError) -> PutResult? {
    guard let current = try await object(upload.name), current.attributes.layout == .manifest else { return nil }
    if current.attributes.assembly?.upload != upload.id {
      let first = upload.parts.first?.chunks.first
      guard try await manifest(of: current, named: upload.name).chunks.contains(where: { $0 == first }) else {
        return nil
      }
    }
    await forget(upload.id)
    return try await result(upload.name, current)
  }

  // MARK: The catalog's part

  /// Nobody else has the upload from here on, so no chunk gets into two objects.
  private func claim(_ id: BlobID) async throws(ObjectError) -> PendingUpload? {
    do throws(CatalogError) { return try await catalog.claim(id, lifetime: Self.claimLifetime) } catch {
      throw ObjectError(error)
    }
  }

  private func release(_ id: BlobID) async {
    do throws(CatalogError) { try await catalog.release(id) } catch {
      logger.notice("upload not released", metadata: ["upload": "\(id)", "error": "\(error)"])
    }
  }

  /// What isn't forgotten ends by itself, and keeps its chunks until then.
  private func forget(_ id: BlobID) async {
    do throws(CatalogError) { try await catalog.forget(id) } catch {
      logger.notice("upload not forgotten", metadata: ["upload": "\(id)", "error": "\(error)"])
    }
  }

  private func giveUp(_ upload: PendingUpload) async {
    garbage.add(upload.parts.flatMap { $0.chunks.map(\.location) })
    await forget(upload.id)
  }

  private func size(of manifest: Manifest) throws(ObjectError) -> UInt64 {
    let size = manifest.chunks.reduce(0) { $0 + UInt64($1.length) }
    guard size <= settings.objectSizeMax, manifest.chunks.count <= Manifest.chunkCountMax else {
      throw .tooLarge(limit: settings.objectSizeMax)
    }
    return size
  }

  private func hash(_ manifest: Manifest, size: UInt64) async throws(ObjectError) -> StreamDigests {
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
