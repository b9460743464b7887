package import CairnModel
internal import CairnHTTP
internal import NIOCore
internal import NIOHTTP1

extension RemoteNode {
  package func volumes() async throws(NodeError) -> [ReplicaSummary] {
    try await items(.GET, NodeProtocol.volumesPath) { (bytes) throws(FormatError) in
      [try ReplicaSummary(decoding: bytes)]
    }
  }

  package func record(_ location: BlobLocation) async throws(NodeError) -> EncodedRecord {
    let answer = try await fetch(.GET, NodeProtocol.recordPath(location), limit: Record.lengthMax)
    do throws(FormatError) {
      return try EncodedRecord(verifying: answer)
    } catch {
      throw .refused(id, .corrupt, "blob \(location.blob) changed on its way: \(error)")
    }
  }

  package func drop(_ volume: VolumeID) async throws(NodeError) {
    try await command(.DELETE, NodeProtocol.volumePath(volume))
  }

  package func digest(of volume: VolumeID) async throws(NodeError) -> ReplicaDigest {
    let digests = try await items(.GET, NodeProtocol.digestPath(volume)) { (bytes) throws(FormatError) in
      [try ReplicaDigest(decoding: bytes)]
    }
    guard let digest = digests.first else { throw .unreachable(id, "it answered without a digest") }
    return digest
  }

  package func blobs(in volume: VolumeID) async throws(NodeError) -> [ReplicaBlob] {
    try await items(.GET, NodeProtocol.blobsPath(volume)) { (bytes) throws(FormatError) in
      try ReplicaBlob.decodeAll(bytes)
    }
  }

  package func restore(_ record: EncodedRecord, to volume: VolumeID) async throws(NodeError) {
    let location = BlobLocation(volume: volume, blob: record.header.blob)
    try await command(.PUT, NodeProtocol.blobPath(location), record: record)
  }

  package func scrub(_ volume: VolumeID, bytesPerSecond: UInt64) async throws(NodeError) -> ScrubReport {
    let query = "?\(NodeProtocol.rateQuery)=\(bytesPerSecond)"
    let items = try await items(.POST, NodeProtocol.scrubPath(volume), query: query) { [$0] }
    do throws(FormatError) {
      return try ScrubReport(decoding: items)
    } catch {
      throw .unreachable(id, "its answer is malformed: \(error)")
    }
  }

  package func damaged(in volume: VolumeID) async throws(NodeError) -> [BlobID] {
    try await blobIDs(NodeProtocol.damagedPath(volume))
  }

  package func garbage(in volume: VolumeID) async throws(NodeError) -> [BlobID] {
    try await blobIDs(NodeProtocol.garbagePath(volume))
  }

  private func blobIDs(_ path: String) async throws(NodeError) -> [BlobID] {
    try await items(.GET, path) { (bytes) throws(FormatError) in
      var bytes = bytes
      var blobs: [BlobID] = []
      while bytes.readableBytes > 0 {
        guard let blob = bytes.readBlobID() else { throw .truncated(what: "list of blobs") }
        blobs.append(blob)
      }
      return blobs
    }
  }

  /// Blobs in one tombstone: its metadata must stay within a record's limit.
  private static let discardedAtOnce = 1024

  package func discard(_ blobs: [BlobID], in volume: VolumeID) async throws(NodeError) {
    let ids = BlobIDGenerator()
    for start in stride(from: 0, to: blobs.count, by: Self.discardedAtOnce) {
      let batch = blobs[start..<min(start + Self.discardedAtOnce, blobs.count)]
      let garbage = batch.map { BlobLocation(volume: volume, blob: $0) }
      let tombstone: EncodedRecord
      do throws(FormatError) {
        tombstone = try EncodedRecord(Tombstone(garbage: garbage), id: ids.next())
      } catch {
        throw .refused(id, .malformed, "\(error)")
      }
      try await command(.POST, NodeProtocol.garbagePath(volume), record: tombstone)
    }
  }

  package func rewriteWithoutDamage(_ volume: VolumeID) async throws(NodeError) {
    let _: [Never] = try await items(.POST, NodeProtocol.rewritePath(volume)) { _ in [] }
  }

  /// Sends a request, from wherever the caller runs, whose answer is ``AnswerFrame``s: what `decode` makes of each.
  func items<Value: Sendable>(
    _ method: HTTPMethod, _ path: String, query: String = "",
    _ decode: @escaping @Sendable (ByteBuffer) throws(FormatError) -> [Value]
  ) async throws(NodeError) -> [Value] {
    let request = request(method, path, query: query)
    let result: Result<[Value], NodeError> = await client.onEventLoop {
      do throws(NodeError) {
        let response = try await send(request)
        // A connection that is left in the middle of an answer must be closed; after the end this does nothing.
        defer { response.body.cancel() }
        var reader = AnswerReader(response.body, from: id)
        var items: [Value] = []
        while let bytes = try await reader.nextItem() {
          items += try reader.understood { () throws(FormatError) in try decode(bytes) }
        }
        return .success(items)
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}
