import CairnHTTP
import CairnModel
import CairnNodeClient
import CairnTestSupport
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

/// A node that answers every request with the same bytes.
private struct ScriptedNode: HTTPResponder {
  struct Broken: Error {}

  let pieces: [ByteBuffer]
  /// The connection is closed instead of the answer's end.
  let isCutOff: Bool

  func respond(to request: HTTPRequest) async -> HTTPResponse {
    HTTPResponse(
      .ok,
      body: .stream(length: nil) { writer in
        for piece in pieces { try await writer.write(piece) }
        if isCutOff { throw Broken() }
      })
  }
}

@Suite struct BrokenAnswerTests {
  /// How a remote node of these bytes looks.
  private func with(
    _ pieces: [ByteBuffer], cutOff: Bool = false, _ body: @escaping @Sendable (RemoteNode) async throws -> Void
  ) async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    let server = try await HTTPServer.start(
      on: ListenAddress(host: "127.0.0.1", port: 0), group: group,
      responder: ScriptedNode(pieces: pieces, isCutOff: cutOff), refusal: { status, _ in HTTPResponse(status) },
      logger: logger)
    let client = HTTPClient(group: group, timeouts: .init(connect: .seconds(60), idle: .seconds(60)))
    let node = RemoteNode(
      id: NodeID.make(), address: ListenAddress(host: "127.0.0.1", port: server.port), client: client, tokens: nil)
    let result: Result<Void, any Error>
    do { result = .success(try await body(node)) } catch { result = .failure(error) }
    await server.stop(grace: .zero)
    try result.get()
  }

  private static func records(_ count: Int) throws -> [EncodedRecord] {
    let ids = BlobIDGenerator()
    return try (0..<count).map { index in
      try EncodedRecord(
        Record(
          kind: .chunk, blob: ids.next(), timestamp: .now(), metadata: ByteBuffer(string: "metadata \(index)"),
          payload: ByteBuffer(repeating: UInt8(index), count: 1000)))
    }
  }

  private static func bytes(_ records: [EncodedRecord], end: RecordStreamEnd?) -> [UInt8] {
    var bytes: [UInt8] = []
    for record in records {
      bytes += record.prefix.readableBytesView
      bytes += record.payload.readableBytesView
    }
    if let end { bytes += end.encoded().readableBytesView }
    return bytes
  }

  /// Why reading the records failed: nil when it did not.
  private static func failure(of node: RemoteNode) async -> NodeError? {
    do {
      try await node.records(in: VolumeID(rawValue: 1), from: .offset(0), headsAndTombstonesOnly: false) { _ in }
      return nil
    } catch {
      return error as? NodeError
    }
  }

  @Test func aWholeStreamIsTaken() async throws {
    let records = try Self.records(5)
    let bytes = Self.bytes(records, end: RecordStreamEnd(recordCount: 5, end: 77, damagedCount: 0))
    // However the network cuts it into pieces.
    for length in [1, 47, 1048, 100_000] {
      let pieces = stride(from: 0, to: bytes.count, by: length).map {
        ByteBuffer(bytes: bytes[$0..<min($0 + length, bytes.count)])
      }
      try await with(pieces) { node in
        let found = Mutex<[RecordHeader]>([])
        let end = try await node.records(in: VolumeID(rawValue: 1), from: .offset(0), headsAndTombstonesOnly: false) {
          batch in
          found.withLock { $0 += batch.map(\.header) }
        }
        #expect(end == 77)
        #expect(found.withLock { $0 } == records.map(\.header))
      }
    }
  }

  @Test func aStreamThatBreaksOffIsNoticedAtEveryByte() async throws {
    let bytes = Self.bytes(try Self.records(2), end: RecordStreamEnd(recordCount: 2, end: 77, damagedCount: 0))
    var lengths = Set(stride(from: 0, to: bytes.count, by: 97))
    lengths.formUnion(bytes.count - 49..<bytes.count)
    for length in lengths.sorted() {
      for cutOff in [false, true] {
        try await with([ByteBuffer(bytes: bytes[..<length])], cutOff: cutOff) { node in
          guard case .unreachable = await Self.failure(of: node) else {
            Issue.record("a stream that ends after \(length) of \(bytes.count) bytes was taken for whole")
            return
          }
        }
      }
    }
  }

  @Test func aWrongCountOrBytesBehindTheEndAreNoticed() async throws {
    let records = try Self.records(2)
    for bytes in [
      Self.bytes(records, end: RecordStreamEnd(recordCount: 3, end: 77, damagedCount: 0)),
      Self.bytes(records, end: RecordStreamEnd(recordCount: 2, end: 77, damagedCount: 0)) + [0],
    ] {
      try await with([ByteBuffer(bytes: bytes)]) { node in
        guard case .unreachable = await Self.failure(of: node) else {
          Issue.record("it was taken")
          return
        }
      }
    }
  }

  @Test func aFlippedBitIsNoticedWhereverItIs() async throws {
    var random = SeededGenerator.forTest()
    let bytes = Self.bytes(try Self.records(1), end: RecordStreamEnd(recordCount: 1, end: 77, damagedCount: 0))
    for _ in 0..<60 {
      let position = Int.random(in: 0..<bytes.count, using: &random)
      // A record's reserved bytes are covered by its checksum, as all others.
      var damaged = bytes
      damaged[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      try await with([ByteBuffer(bytes: damaged)]) { node in
        guard case .unreachable = await Self.failure(of: node) else {
          Issue.record("a bit flipped at \(position) was not noticed")
          return
        }
      }
    }
  }

  @Test func aListingWithoutItsEndIsNoList() async throws {
    var writer = FieldWriter(capacity: 256)
    writer.field(
      AnswerFrame.Kind.item.rawValue,
      ReplicaSummary(
        id: VolumeID(rawValue: 1), state: .open, isFailed: false, logBytes: 1, liveBytes: 2, garbageBytes: 3,
        blobCount: 4, durableEnd: 5, damagedCount: 6
      ).encoded())
    let item = writer.buffer
    AnswerFrame.end(count: 1).write(to: &writer)
    let whole = writer.buffer
    try await with([whole]) { node in
      let replicas = try await node.volumes()
      #expect(replicas.map(\.damagedCount) == [6])
    }
    try await with([item]) { node in await #expect(throws: NodeError.self) { try await node.volumes() } }
    try await with([item, whole]) { node in await #expect(throws: NodeError.self) { try await node.volumes() } }
    var refused = FieldWriter(capacity: 256)
    AnswerFrame.refusal(.corrupt, "broken").write(to: &refused)
    try await with([item, refused.buffer]) { node in
      #expect(await refusal { () throws(NodeError) in _ = try await node.volumes() } == .corrupt)
    }
  }
}
