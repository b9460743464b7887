internal import CairnCatalog
internal import CairnCluster
package import CairnModel
internal import NIOCore

/// What to do when a name has a current version already.
package enum ConflictRule: Hashable, Sendable {
  case overwrite
  /// Store under a new unique name.
  case rename
  case reject
  /// Replace this version and no other; refuse where there is none, too.
  case replace(BlobID)

  /// Success means that there was an older version, also where the catalog can't tell any more which.
  var expectsVersion: Bool {
    if case .replace = self { true } else { false }
  }

  var condition: WriteCondition {
    switch self {
    case .overwrite: .always
    case .rename, .reject: .absent
    case .replace(let version): .version(version)
    }
  }
}

/// What a client says of an object besides its name and bytes.
package struct UploadDescription: Sendable {
  package var contentType: String
  package var originalFilename: String?
  /// Copies that it asks for; nil for the operator's factor.
  package var replicas: Int?
  @Sparse package var metadata: ObjectMetadata

  package init(
    contentType: String, originalFilename: String? = nil, replicas: Int? = nil,
    metadata: ObjectMetadata = ObjectMetadata()
  ) {
    self.contentType = contentType
    self.originalFilename = originalFilename
    self.replicas = replicas
    self.metadata = metadata
  }
}

/// The bytes of an object that are stored, or held in memory to go into its head record, but have no name yet.
/// It must be committed or discarded, once.
package struct StagedObject: Sendable {
  package let size: UInt64
  let digests: StreamDigests
  let layout: ObjectLayout
  let payload: ByteBuffer
  let chunks: [Manifest.Chunk]
  /// Some chunks have fewer replicas than they should have.
  let isDegraded: Bool
  /// What its bytes hold of the memory for uploads. Small ones hold none.
  fileprivate(set) var charge = BudgetCharge()

  /// Bytes that it holds in memory.
  package var memoryUsed: Int { payload.readableBytes }

  package var md5: Digest { digests.md5 }

  func attributes(_ description: UploadDescription) -> ObjectAttributes {
    var attributes = ObjectAttributes(
      size: size, contentType: description.contentType, createdAt: .now(), md5: digests.md5, sha256: digests.sha256,
      layout: layout, originalFilename: description.originalFilename, metadata: description.metadata)
    if let checksum = digests.checksum { attributes.checksum = checksum }
    return attributes
  }
}

/// A head record that is to be.
struct StagedHead: Sendable {
  var attributes: ObjectAttributes
  /// The object's bytes, or its manifest.
  var payload: ByteBuffer
  /// Some chunks have fewer replicas than they should have.
  var isDegraded = false
  /// The object is as old as its attributes say, not new.
  var keepsTime = false
  /// It has the chunks of the version that it replaces: only the head of that one is garbage.
  var keepsChunks = false
}

package struct PutResult: Sendable {
  package let name: ObjectName
  package let object: StoredObject
  /// The nodes that have the head record.
  package let nodes: [NodeID]
  /// There was an older version.
  package let replaced: Bool
  /// Replicas are still to be made of some of its bytes.
  package let isDegraded: Bool
}

extension ObjectService {
  /// How often a write is tried anew when others write the same name at the same time.
  private static let attemptsMax = 32

  /// Stores an object under `name`.
  package func put(
    _ name: ObjectName, _ body: BodySource, _ description: UploadDescription, onConflict rule: ConflictRule
  ) async throws(ObjectError) -> PutResult {
    try await refuseTaken(name, rule)
    return try await commit(stage(body, replicas: description.replicas), as: name, description, onConflict: rule)
  }

  /// Tells, before a body is read, that a taken name would be rejected. The commit decides all the same.
  ///
  /// - Throws: ``ObjectError/conditionFailed(current:)``.
  package func refuseTaken(_ name: ObjectName, _ rule: ConflictRule) async throws(ObjectError) {
    if rule == .reject, let current = try await object(name) { throw .conditionFailed(current: current) }
  }

  /// Reads a body to its end and stores what does not fit a head record.
  ///
  /// - Parameters:
  ///   - inlineMax: bytes of the largest body that is held in memory until it is committed.
  ///   - replicas: copies that the upload asks for; nil for the operator's factor.
  package func stage(
    _ body: BodySource, inlineMax: Int = .max, replicas: Int? = nil
  ) async throws(ObjectError) -> StagedObject {
    guard await view.waitForActiveNode(atMost: settings.writePatience) else { throw noNode }
    var reader = ChunkReader(
      source: body, chunkSize: settings.chunkSize, sizeMax: settings.objectSizeMax, budget: budget)
    let hasher = StreamHasher(body.checksum?.algorithm)
    let first = try await reader.next()
    if first.isLast, first.bytes.readableBytes <= inlineMax {
      await hasher.update(with: first.bytes, on: threads)
      let digests = hasher.finish()
      do throws(ObjectError) { try body.verify(digests) } catch {
        budget.giveBack(first.charge)
        throw error
      }
      return StagedObject(
        size: reader.size, digests: digests, layout: .inline, payload: first.bytes, chunks: [], isDegraded: false,
        charge: first.charge)
    }
    let stored = try await storeChunks(from: first, reader: &reader, hasher: hasher, replicas: replicas)
    let digests = hasher.finish()
    let chunks = stored.map(\.chunk)
    do throws(ObjectError) { try body.verify(digests) } catch {
      garbage.add(chunks.map(\.location))
      throw error
    }
    return StagedObject(
      size: reader.size, digests: digests, layout: .manifest, payload: Manifest(chunks: chunks).encoded(),
      chunks: chunks, isDegraded: stored.contains(where: \.isDegraded))
  }

  /// Stores what a staged object holds of the memory for uploads, before its owner waits for memory again: whoever waits
  /// must hold none (``ByteBudget``).
  package func unload(_ staged: inout StagedObject, replicas: Int? = nil) async throws(ObjectError) {
    guard staged.charge.count > 0 else { return }
    let chunk = ChunkReader.Chunk(bytes: staged.payload, isLast: true, charge: staged.charge)
    staged.charge = BudgetCharge()
    let stored = try await store(chunk, replicas: replicas).get()
    staged = StagedObject(
      size: staged.size, digests: staged.digests, layout: .manifest,
      payload: Manifest(chunks: [stored.chunk]).encoded(), chunks: [stored.chunk], isDegraded: stored.isDegraded)
  }

  /// Gives a staged object its name.
  package func commit(
    _ staged: StagedObject, as wanted: ObjectName, _ description: UploadDescription, onConflict rule: ConflictRule
  ) async throws(ObjectError) -> PutResult {
    defer { budget.giveBack(staged.charge) }
    do throws(ObjectError) {
      try refuseOld(staged.chunks)
      return try await commit(
        StagedHead(attributes: staged.attributes(description), payload: staged.payload, isDegraded: staged.isDegraded),
        as: wanted, replicas: description.replicas, onConflict: rule)
    } catch {
      switch error {
      // The object may have been committed, or its head be on a disk: then its chunks are no garbage.
      case .unavailable, .outcomeUnknown: break
      default: garbage.add(staged.chunks.map(\.location))
      }
      throw error
    }
  }

  /// Gives up what was staged.
  package func discard(_ staged: StagedObject) {
    budget.giveBack(staged.charge)
    garbage.add(staged.chunks.map(\.location))
  }

  /// - Throws: ``ObjectError/failed(_:)`` where chunks that nothing refers to may have been swept as orphans.
  func refuseOld(_ chunks: [Manifest.Chunk]) throws(ObjectError) {
    guard let oldest = chunks.lazy.map(\.location.blob.millisecondsSinceEpoch).min() else { return }
    let age = Timestamp.now().millisecondsSinceEpoch.subtractingReportingOverflow(oldest)
    guard age.overflow || Duration.milliseconds(Int64(clamping: age.partialValue)) < settings.uploadTimeMax else {
      throw .failed("the upload took longer than \(settings.uploadTimeMax), the most allowed (ORPHAN_AGE)")
    }
  }

  /// Makes an object of a head record whose chunks are there.
  ///
  /// - Throws: ``ObjectError/outcomeUnknown(_:)`` where the object may be there all the same.
  func commit(
    _ head: StagedHead, as wanted: ObjectName, replicas: Int?, onConflict rule: ConflictRule
  ) async throws(ObjectError) -> PutResult {
    var name = wanted
    let condition = rule.condition
    for _ in 0..<Self.attemptsMax {
      // Once its record is on a disk, a replay may judge it otherwise than the catalog would have, and nobody was told.
      if condition != .always, let reason = settings.reasonNotReady() { throw .unavailable(reason) }
      let now = Timestamp.now()
      var attributes = head.attributes
      if !head.keepsTime { attributes.createdAt = now }
      let version = ids.next()
      let record: EncodedRecord
      do throws(FormatError) {
        record = try EncodedRecord(
          Record(
            kind: .head, blob: version, timestamp: now,
            metadata: HeadRecord(name: name, attributes: attributes, condition: condition).metadata(),
            payload: head.payload))
      } catch {
        throw .failed("\(error)")
      }
      let ticket = barrier.enter()
      defer { barrier.leave(ticket) }
      let written: WrittenRecord
      do throws(AppendFailure) { written = try await writer.append(record, replicas: replicas) } catch {
        throw await refused(error)
      }
      let volume = written.volume
      let object = StoredObject(head: BlobLocation(volume: volume.id, blob: version), attributes: attributes)
      let outcome: PutOutcome
      do throws(CatalogError) {
        outcome = try await catalog.put(object, as: name, if: condition)
      } catch {
        // What it refused for sure must be refused on the disks as well, or a recovery would bring it to life. One that has
        // read the record already would not see that, and make an object of what is garbage.
        guard error.leavesNoDoubt, !settings.mayHaveReplayed(), await garbage.refuse([object.head], in: volume) else {
          throw .outcomeUnknown(ObjectError(error))
        }
        throw ObjectError(error)
      }
      switch outcome {
      case .committed(let replaced):
        try await settle(object, as: name, abandoned: written.abandoned)
        if condition != .always { garbage.commit(version) }
        if let replaced {
          if head.keepsChunks { garbage.add([replaced.head]) } else { garbage.add(replaced, named: name) }
        }
        return PutResult(
          name: name, object: object, nodes: volume.nodes, replaced: replaced != nil || rule.expectsVersion,
          isDegraded: head.isDegraded || volume.isDegraded)
      case .stale(let newest):
        garbage.add(written.abandoned + [object.head])
        ids.observe(newest)
      case .conditionFailed(let current):
        garbage.add(written.abandoned)
        let isRefused = await garbage.refuse([object.head], in: volume)
        guard isRefused else {
          throw .outcomeUnknown(.unavailable("the write was refused, and no storage node took note of that"))
        }
        guard rule == .rename else { throw .conditionFailed(current: current) }
        name = ObjectName(bucket: wanted.bucket, key: try uniqueKey(like: wanted.key))
      }
    }
    throw .unavailable("too many clients write \(wanted.key.text) at once")
  }

  /// What to tell the client of a head record that is not on every replica of any volume.
  ///
  /// Some replicas may have it, and a catalog that is rebuilt from the disks would take it for the object. So it fails
  /// only when it is durable that it was refused; else nobody knows, and its chunks must stay.
  private func refused(_ failure: AppendFailure) async -> ObjectError {
    if failure.abandoned.isEmpty { return failure.error }
    // A recovery that has read the record already would not see that it is refused.
    if settings.mayHaveReplayed() { return .outcomeUnknown(failure.error) }
    return await garbage.refuse(failure.abandoned) ? failure.error : .outcomeUnknown(failure.error)
  }

  /// Lets go of the places where a head record was tried before it found one that has all its replicas.
  ///
  /// A recovery may have found the record in one of those places and recorded that place in the catalog.
  private func settle(
    _ object: StoredObject, as name: ObjectName, abandoned: [BlobLocation]
  ) async throws(ObjectError) {
    guard !abandoned.isEmpty else { return }
    do throws(CatalogError) { _ = try await catalog.relocate(object, as: name) } catch {
      throw .outcomeUnknown(ObjectError(error))
    }
    garbage.add(abandoned, headOf: name)
  }

  /// `report.pdf` becomes `report_k3f9x.pdf`, its stem shortened where that would be too long.
  private func uniqueKey(like key: ObjectKey) throws(ObjectError) -> ObjectKey {
    let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789")
    let suffix = "_" + String((0..<5).compactMap { _ in letters.randomElement() })
    let text = key.text
    // By bytes: a slash or dot that a combining mark follows is one all the same.
    let start = text.utf8.lastIndex(of: UInt8(ascii: "/")).map { text.utf8.index(after: $0) } ?? text.startIndex
    var dot = text.endIndex
    // A name that starts with its only dot has no extension.
    if let last = text.utf8[start...].lastIndex(of: UInt8(ascii: ".")), last > start { dot = last }
    let excess = max(text.utf8.count + suffix.utf8.count - ObjectKey.lengthMax, 0)
    // An extension that leaves no stem to shorten is none.
    if text[start..<dot].utf8.count <= excess { dot = text.endIndex }
    var stem = text[..<dot]
    let stemBytesMax = stem.utf8.count - excess
    while stem.utf8.count > stemBytesMax { stem.unicodeScalars.removeLast() }
    do throws(InvalidName) {
      return try ObjectKey(stem + suffix + text[dot...])
    } catch {
      throw .failed("\(error)")
    }
  }
}
