import CairnModel
import CairnNodeClient
import NIOCore

/// Records as a coordinator would have written them.
enum TestRecords {
  static func head(_ key: String, _ version: BlobID, condition: WriteCondition = .always) throws -> EncodedRecord {
    let attributes = ObjectAttributes(
      size: 0, contentType: "a/b", createdAt: .now(), md5: Digest([UInt8](repeating: 1, count: 16)),
      sha256: Digest([UInt8](repeating: 2, count: 32)), layout: .inline)
    let head = HeadRecord(name: ObjectName(key: try ObjectKey(key)), attributes: attributes, condition: condition)
    return try EncodedRecord(
      Record(kind: .head, blob: version, timestamp: .now(), metadata: head.metadata(), payload: ByteBuffer()))
  }

  static func tombstone(_ tombstone: Tombstone, _ id: BlobID) throws -> EncodedRecord {
    try EncodedRecord(
      Record(kind: .tombstone, blob: id, timestamp: .now(), metadata: tombstone.metadata(), payload: ByteBuffer()))
  }
}

/// A node whose streams of records break off when told to, or that does not answer at all.
struct BreakingSource: StorageNode, RecordLog {
  private let node: LocalNode
  private let isAway: Bool
  private let refusesCopies: Bool
  private let breaks: @Sendable () -> Bool

  init(
    _ node: LocalNode, isAway: Bool = false, refusesCopies: Bool = false,
    breaks: @escaping @Sendable () -> Bool = { false }
  ) {
    self.node = node
    self.isAway = isAway
    self.refusesCopies = refusesCopies
    self.breaks = breaks
  }

  var id: NodeID { node.id }

  func probe() async throws(NodeError) { try check() }

  private func check() throws(NodeError) {
    if isAway { throw .unreachable(id, "told to") }
  }

  func records(
    in volume: VolumeID, from origin: RecordOrigin, headsAndTombstonesOnly: Bool,
    _ body: @escaping @Sendable ([EncodedRecord]) async throws -> Void
  ) async throws -> UInt64 {
    try check()
    if breaks() { throw NodeError.unreachable(id, "told to break off") }
    return try await node.records(in: volume, from: origin, headsAndTombstonesOnly: headsAndTombstonesOnly, body)
  }

  func createVolume(_ volume: VolumeID) async throws(NodeError) { try await node.createVolume(volume) }

  func append(_ record: EncodedRecord, to volume: VolumeID) async throws(NodeError) {
    try await node.append(record, to: volume)
  }

  func read(
    _ location: BlobLocation, expecting expected: ExpectedRecord, range: Range<UInt64>?
  ) async throws(NodeError) -> BlobContent {
    try await node.read(location, expecting: expected, range: range)
  }

  func seal(_ volume: VolumeID) async throws(NodeError) { try await node.seal(volume) }

  func volumes() async throws(NodeError) -> [ReplicaSummary] {
    try check()
    return try await node.volumes()
  }

  func record(_ location: BlobLocation) async throws(NodeError) -> EncodedRecord {
    try check()
    return try await node.record(location)
  }

  func drop(_ volume: VolumeID) async throws(NodeError) { try await node.drop(volume) }

  func digest(of volume: VolumeID) async throws(NodeError) -> ReplicaDigest { try await node.digest(of: volume) }

  func blobs(in volume: VolumeID) async throws(NodeError) -> [ReplicaBlob] { try await node.blobs(in: volume) }

  func restore(_ record: EncodedRecord, to volume: VolumeID) async throws(NodeError) {
    if refusesCopies { throw .refused(id, .readOnly, "told to") }
    try await node.restore(record, to: volume)
  }

  func scrub(_ volume: VolumeID, bytesPerSecond: UInt64) async throws(NodeError) -> ScrubReport {
    try await node.scrub(volume, bytesPerSecond: bytesPerSecond)
  }

  func damaged(in volume: VolumeID) async throws(NodeError) -> [BlobID] { try await node.damaged(in: volume) }

  func garbage(in volume: VolumeID) async throws(NodeError) -> [BlobID] { try await node.garbage(in: volume) }

  func discard(_ blobs: [BlobID], in volume: VolumeID) async throws(NodeError) {
    try await node.discard(blobs, in: volume)
  }

  func rewriteWithoutDamage(_ volume: VolumeID) async throws(NodeError) {
    try await node.rewriteWithoutDamage(volume)
  }
}
