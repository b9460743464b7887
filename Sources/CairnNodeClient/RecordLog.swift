package import CairnModel

/// The records of a node's volumes, in the order in which they were written.
package protocol RecordLog: Sendable {
  /// Where the durable part of each volume's log ends, in bytes.
  func ends() async throws(NodeError) -> [VolumeID: UInt64]

  /// The volumes that take no more appends.
  func sealedVolumes() async throws(NodeError) -> Set<VolumeID>

  /// Hands over the intact records of a volume from `origin` on, batch by batch; reads on when `body` has returned.
  /// Blobs, garbage that was not compacted yet, and tombstones; every checksum was verified on this side.
  ///
  /// - Parameter headsAndTombstonesOnly: leaves chunks out, unread. Heads come whole, with what they keep of an
  ///   object's bytes, since their checksums could not be verified without.
  /// - Returns: the offset from which a later call goes on.
  /// - Throws: ``NodeError`` also when the records stop before their end; what was handed over until then counts. What
  ///   `body` throws.
  @discardableResult
  func records(
    in volume: VolumeID, from origin: RecordOrigin, headsAndTombstonesOnly: Bool,
    _ body: @escaping @Sendable ([EncodedRecord]) async throws -> Void
  ) async throws -> UInt64
}

extension RecordLog where Self: StorageNode {
  package func ends() async throws(NodeError) -> [VolumeID: UInt64] {
    Dictionary(try await volumes().map { ($0.id, $0.durableEnd) }, uniquingKeysWith: max)
  }

  package func sealedVolumes() async throws(NodeError) -> Set<VolumeID> {
    Set(try await volumes().filter { $0.state == .sealed }.map(\.id))
  }
}
