internal import CairnHTTP
internal import CairnModel
internal import CairnStorage

/// What damaged or differing replicas are found and repaired with.
extension NodeAPI {
  /// Blobs in one item of a list.
  private static let blobsPerItem = 1024

  func digest(of volume: VolumeID) throws(StorageError) -> HTTPResponse {
    try known(volume)
    return frames { [store] frames in
      let digest = try await frames.working { try await store.digest(of: volume) }
      try await frames.item(digest.encoded())
    }
  }

  func listBlobs(in volume: VolumeID) throws(StorageError) -> HTTPResponse {
    try known(volume)
    return frames { [store] frames in
      let blobs = try await frames.working { try await store.blobs(in: volume) }
      for start in stride(from: 0, to: blobs.count, by: Self.blobsPerItem) {
        var item = FieldWriter(capacity: Self.blobsPerItem * ReplicaBlob.encodedLength)
        for blob in blobs[start..<min(start + Self.blobsPerItem, blobs.count)] { blob.write(to: &item) }
        try await frames.item(item.bytes)
      }
    }
  }

  func restore(_ request: HTTPRequest, _ token: NodeTokens.Verified?, at location: BlobLocation) async throws {
    try await withRecord(of: request, token) { record in
      guard record.header.blob == location.blob else {
        throw Refusal(.malformed, "the record is of blob \(record.header.blob), not of \(location.blob)")
      }
      try await store.restore(record, to: location.volume)
    }
  }

  func scrub(_ volume: VolumeID, _ request: HTTPRequest) throws -> HTTPResponse {
    guard let rate = QueryParameters(request.query).number(NodeProtocol.rateQuery, default: 0) else {
      throw Refusal(.malformed, "'\(NodeProtocol.rateQuery)' must be bytes a second, or 0 for no limit")
    }
    try known(volume)
    return frames { [store] frames in
      let report = try await frames.working { try await store.scrub(volume, bytesPerSecond: rate) }
      for item in report.encodedItems() { try await frames.item(item) }
    }
  }

  func listDamaged(in volume: VolumeID) throws(StorageError) -> HTTPResponse {
    let damaged = try store.damaged(in: volume)
    return frames { frames in try await Self.write(damaged, to: &frames) }
  }

  func listGarbage(in volume: VolumeID) throws(StorageError) -> HTTPResponse {
    try known(volume)
    return frames { [store] frames in
      let garbage = try await frames.working { try await store.garbage(in: volume) }
      try await Self.write(garbage, to: &frames)
    }
  }

  private static func write(_ blobs: [BlobID], to frames: inout FrameWriter) async throws {
    for start in stride(from: 0, to: blobs.count, by: blobsPerItem) {
      let end = min(start + blobsPerItem, blobs.count)
      var item = FieldWriter(capacity: (end - start) * 16)
      for blob in blobs[start..<end] { item.write(blob) }
      try await frames.item(item.bytes)
    }
  }

  func discard(_ request: HTTPRequest, _ token: NodeTokens.Verified?, in volume: VolumeID) async throws {
    try await withRecord(of: request, token) { record in
      guard record.header.kind == .tombstone else {
        throw Refusal(.malformed, "the record of blob \(record.header.blob) is no tombstone")
      }
      let garbage = try Tombstone(metadata: record.record.metadata).garbage
      try store.discard(garbage.filter { $0.volume == volume }.map(\.blob), in: volume)
    }
  }

  func rewriteWithoutDamage(_ volume: VolumeID) throws(StorageError) -> HTTPResponse {
    try known(volume)
    return frames { [store] frames in
      try await frames.working { try await store.rewriteWithoutDamage(volume) }
    }
  }

  /// Refuses before the answer has begun, while there still is a status to say it with.
  private func known(_ volume: VolumeID) throws(StorageError) {
    guard store.volume(volume) != nil else { throw .unknownVolume(volume) }
  }
}
