package import CairnModel
internal import CairnStorage

extension LocalNode: RecordLog {
  @discardableResult
  package func records(
    in volume: VolumeID, from origin: RecordOrigin, headsAndTombstonesOnly: Bool,
    _ body: @escaping @Sendable ([EncodedRecord]) async throws -> Void
  ) async throws -> UInt64 {
    let cursor = try await translated { () async throws(StorageError) in
      try await store.records(in: volume, from: origin, kinds: headsAndTombstonesOnly ? .headsAndTombstones : .all)
    }
    while true {
      let records = try await translated { () async throws(StorageError) in try await cursor.next() }
      if records.isEmpty { return cursor.end }
      try await body(records)
    }
  }
}

extension LocalNode {
  package func volumes() async throws(NodeError) -> [ReplicaSummary] {
    store.replicas()
  }

  package func record(_ location: BlobLocation) async throws(NodeError) -> EncodedRecord {
    let record = try await translated { () async throws(StorageError) in try await store.record(location) }
    guard let record else { throw noBlob(location) }
    return record
  }

  package func drop(_ volume: VolumeID) async throws(NodeError) {
    try await translated { () async throws(StorageError) in try await store.dropVolume(volume) }
  }

  package func digest(of volume: VolumeID) async throws(NodeError) -> ReplicaDigest {
    try await translated { () async throws(StorageError) in try await store.digest(of: volume) }
  }

  package func blobs(in volume: VolumeID) async throws(NodeError) -> [ReplicaBlob] {
    try await translated { () async throws(StorageError) in try await store.blobs(in: volume) }
  }

  package func restore(_ record: EncodedRecord, to volume: VolumeID) async throws(NodeError) {
    try await translated { () async throws(StorageError) in try await store.restore(record, to: volume) }
  }

  package func scrub(_ volume: VolumeID, bytesPerSecond: UInt64) async throws(NodeError) -> ScrubReport {
    try await translated { () async throws(StorageError) in
      try await store.scrub(volume, bytesPerSecond: bytesPerSecond)
    }
  }

  package func damaged(in volume: VolumeID) async throws(NodeError) -> [BlobID] {
    try await translated { () async throws(StorageError) in try store.damaged(in: volume) }
  }

  package func garbage(in volume: VolumeID) async throws(NodeError) -> [BlobID] {
    try await translated { () async throws(StorageError) in try await store.garbage(in: volume) }
  }

  package func discard(_ blobs: [BlobID], in volume: VolumeID) async throws(NodeError) {
    try await translated { () async throws(StorageError) in try store.discard(blobs, in: volume) }
  }

  package func rewriteWithoutDamage(_ volume: VolumeID) async throws(NodeError) {
    try await translated { () async throws(StorageError) in try await store.rewriteWithoutDamage(volume) }
  }
}
