package import CairnHTTP
package import CairnModel
package import CairnStorage
package import NIOCore

/// A storage node, as a coordinator sees it: another machine, or the one in its own process.
package protocol StorageNode: Sendable {
  var id: NodeID { get }

  /// Returns when the node has answered, and said that it is this one.
  func probe() async throws(NodeError)

  /// Makes an empty volume. Doing it twice is no error.
  func createVolume(_ volume: VolumeID) async throws(NodeError)

  /// Returns when the record is durable on the node. Appending the same record twice is no error.
  func append(_ record: EncodedRecord, to volume: VolumeID) async throws(NodeError)

  /// Finds the payload of a record.
  ///
  /// - Parameters:
  ///   - expected: what the record must be; another one is refused as ``NodeRefusal/otherRecord``.
  ///   - range: bytes of the payload, within it; nil for all.
  func read(
    _ location: BlobLocation, expecting expected: ExpectedRecord, range: Range<UInt64>?
  ) async throws(NodeError) -> BlobContent

  /// Makes a volume refuse appends for good. Doing it twice is no error.
  func seal(_ volume: VolumeID) async throws(NodeError)

  // What replicas are copied, compared and repaired with.

  /// Every replica on the node, in order of the ids.
  func volumes() async throws(NodeError) -> [ReplicaSummary]

  /// A record as it was appended, verified on this side.
  func record(_ location: BlobLocation) async throws(NodeError) -> EncodedRecord

  /// Deletes a replica, durably: its blobs can't be read from this node any more. Doing it twice is no error.
  func drop(_ volume: VolumeID) async throws(NodeError)

  /// A digest of a replica's live records: replicas that hold the same ones have the same digest. Damage that is known
  /// makes it another one; to find it is for ``scrub(_:bytesPerSecond:)``.
  func digest(of volume: VolumeID) async throws(NodeError) -> ReplicaDigest

  /// The live records of a replica, tombstones included, in order of the ids: without those that are known to be
  /// damaged. All in memory, 24 bytes each.
  func blobs(in volume: VolumeID) async throws(NodeError) -> [ReplicaBlob]

  /// Puts an intact record in the place of a damaged or missing one, also in a sealed volume; returns when it is
  /// durable. That the node has it, or that it is garbage there, is no error.
  func restore(_ record: EncodedRecord, to volume: VolumeID) async throws(NodeError)

  /// Lets the node read every record of a replica from its disk and verify it.
  ///
  /// - Parameter bytesPerSecond: no faster than this; 0 for no limit.
  func scrub(_ volume: VolumeID, bytesPerSecond: UInt64) async throws(NodeError) -> ScrubReport

  /// Blobs that the node knows to be damaged, by reads and scrubs, in order of the ids.
  func damaged(in volume: VolumeID) async throws(NodeError) -> [BlobID]

  /// Blobs of a replica that are garbage and that the node still has, in order of the ids.
  func garbage(in volume: VolumeID) async throws(NodeError) -> [BlobID]

  /// Lets blobs of a replica become garbage, because another replica was told that they are. What the node doesn't have
  /// is passed over. A crash of the node may take it back.
  func discard(_ blobs: [BlobID], in volume: VolumeID) async throws(NodeError)

  /// Lets the node rewrite a sealed replica without what is damaged in it, and so forget the damage: for one that has
  /// all that an intact replica has. Where it can't be done now nothing happens; ``volumes()`` tells.
  func rewriteWithoutDamage(_ volume: VolumeID) async throws(NodeError)
}

/// Why a node did not do what it was asked.
package enum NodeError: Error, CustomStringConvertible {
  /// It could not be reached, or gave no answer in time.
  case unreachable(NodeID, String)
  /// It answered that it won't, or can't.
  case refused(NodeID, NodeRefusal, String)
  /// Who asked does not wait for the answer any more: that says nothing of the node.
  case cancelled(NodeID)

  package var node: NodeID {
    switch self {
    case .unreachable(let node, _), .refused(let node, _, _), .cancelled(let node): node
    }
  }

  package var description: String {
    switch self {
    case .unreachable(let node, let reason): "node \(node) is unreachable: \(reason)"
    case .refused(let node, let refusal, let detail): "node \(node) refused (\(refusal.rawValue)): \(detail)"
    case .cancelled(let node): "the request to node \(node) was cancelled"
    }
  }
}

extension NodeError {
  static func otherRecord(_ node: NodeID, _ location: BlobLocation, _ expected: ExpectedRecord) -> NodeError {
    let wanted =
      switch expected {
      case .head(let name): "the head of '\(name.key.text)' in bucket '\(name.bucket.text)'"
      case .chunk: "a chunk"
      }
    return .refused(node, .otherRecord, "blob \(location.blob) in volume \(location.volume) is not \(wanted)")
  }
}

/// Where the bytes of a blob go on their way to a client.
package protocol ByteSink: Sendable {
  /// Returns when there is room for more.
  func write(_ bytes: ByteBuffer) async throws

  /// Takes a range of a local file, without copying it where the sink can.
  func write(_ file: BlobFile, _ range: Range<Int>) async throws
}

/// The bytes that a node found.
package enum BlobContent: Sendable {
  /// In memory, and verified.
  case bytes(ByteBuffer)
  /// Comes while it is written: `length` bytes.
  case stream(length: UInt64, write: @Sendable (any ByteSink) async throws -> Void)

  package func write(to sink: some ByteSink) async throws {
    switch self {
    case .bytes(let bytes): try await sink.write(bytes)
    case .stream(_, let write): try await write(sink)
    }
  }
}

extension HTTPResponseWriter: ByteSink {
  package func write(_ file: BlobFile, _ range: Range<Int>) async throws {
    try await write(file.region(range), keeping: file)
  }
}

extension ByteSink {
  /// Bytes of a file that are read at once.
  private static var pieceLength: Int { 1 << 20 }

  /// Reads the file, for sinks that want bytes.
  package func write(_ file: BlobFile, _ range: Range<Int>) async throws {
    for start in stride(from: range.lowerBound, to: range.upperBound, by: Self.pieceLength) {
      try await write(file.read(start..<min(start + Self.pieceLength, range.upperBound)))
    }
  }
}

extension NodeError {
  /// What a failed request says of the node that it went to.
  init(_ error: HTTPClientError, of node: NodeID) {
    if case .cancelled = error { self = .cancelled(node) } else { self = .unreachable(node, "\(error)") }
  }
}
