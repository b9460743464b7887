package import CairnModel
internal import CairnStorage

/// The records of a node's volumes, in the order in which they were written.
package protocol RecordLog: Sendable {
  /// Where the durable part of each volume's log ends, in bytes.
  func ends() -> [VolumeID: UInt64]

  /// Calls `body` with each intact record of a volume from `offset` on. Blocking work happens off the event loops.
  func records(
    in volume: VolumeID, from offset: UInt64, _ body: @escaping @Sendable (EncodedRecord) -> Void
  ) async throws
}

extension LocalNode: RecordLog {
  package func ends() -> [VolumeID: UInt64] {
    Dictionary(store.volumes().map { ($0.id, $0.durableEnd) }, uniquingKeysWith: max)
  }

  package func records(
    in volume: VolumeID, from offset: UInt64, _ body: @escaping @Sendable (EncodedRecord) -> Void
  ) async throws {
    _ = try await store.scan(volume, from: offset) { _, record in body(record) }
  }
}
