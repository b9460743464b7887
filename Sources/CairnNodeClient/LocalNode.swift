package import CairnModel
package import CairnStorage
internal import NIOCore

/// The storage node in the coordinator's own process: no HTTP between them.
package struct LocalNode: StorageNode {
  let store: VolumeStore

  package init(_ store: VolumeStore) {
    self.store = store
  }

  package var id: NodeID { store.node }

  package func probe() async throws(NodeError) {}

  package func createVolume(_ volume: VolumeID) async throws(NodeError) {
    try await translated { () async throws(StorageError) in try await store.createVolume(volume) }
  }

  package func append(_ record: EncodedRecord, to volume: VolumeID) async throws(NodeError) {
    try await translated { () async throws(StorageError) in try await store.append(record, to: volume) }
  }

  package func seal(_ volume: VolumeID) async throws(NodeError) {
    try await translated { () async throws(StorageError) in try await store.seal(volume) }
  }

  package func read(
    _ location: BlobLocation, expecting expected: ExpectedRecord, range: Range<UInt64>?
  ) async throws(NodeError) -> BlobContent {
    let blob = try await translated { () async throws(StorageError) in try await store.read(location) }
    guard let blob else { throw noBlob(location) }
    guard expected.matches(blob.header.kind, blob.metadata) else { throw .otherRecord(id, location, expected) }
    let range = (range ?? 0..<UInt64(blob.header.payloadLength)).clamped(to: 0..<UInt64(blob.header.payloadLength))
    switch blob.payload {
    case .bytes(let payload):
      let slice = payload.getSlice(at: payload.readerIndex + Int(range.lowerBound), length: range.count)
      return .bytes(slice ?? ByteBuffer())
    case .file(let file):
      return .stream(length: UInt64(range.count)) { sink in
        try await sink.write(file, Int(range.lowerBound)..<Int(range.upperBound))
      }
    }
  }

  func noBlob(_ location: BlobLocation) -> NodeError {
    .refused(id, .blobUnknown, "volume \(location.volume) has no blob \(location.blob)")
  }

  /// What `body` does, with its error as a node tells it.
  nonisolated(nonsending) func translated<Value>(
    _ body: () async throws(StorageError) -> Value
  ) async throws(NodeError) -> Value {
    do throws(StorageError) { return try await body() } catch { throw .refused(id, error.refusal, "\(error)") }
  }
}
