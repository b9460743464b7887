import CairnHTTP
import CairnModel
import CairnNodeClient
import CairnNodeServer
import CairnStorage
import CairnTestSupport
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

/// How a coordinator reaches a node: the contract is the same.
enum Transport: CaseIterable, Sendable {
  case local
  case http
}

/// A node on a storage folder of its own, and a way to reach it.
struct NodeFixture: Sendable {
  let node: any StorageNode & RecordLog
  let store: VolumeStore
  let port: Int
  let client: HTTPClient
  /// The storage folder.
  let path: String

  static let tokens = NodeTokens(key: Array("test key".utf8))

  static func with(_ transport: Transport, _ body: @escaping @Sendable (NodeFixture) async throws -> Void) async throws
  {
    let folder = try TemporaryFolder("node")
    let group = MultiThreadedEventLoopGroup.singleton
    let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    let store = try VolumeStore.open(
      StorageConfiguration(path: folder.path, freeSpaceMin: 0), threadPool: .singleton, logger: logger)
    let api = NodeAPI(
      store: store, incarnation: 1, tokens: tokens, budget: ByteBudget(bytes: 64 << 20), version: "test",
      durability: "sync", isReady: { nil }, logger: logger)
    let server = try await HTTPServer.start(
      on: ListenAddress(host: "127.0.0.1", port: 0), group: group, responder: api,
      refusal: { status, _ in HTTPResponse(status) }, logger: logger)
    let client = HTTPClient(group: group, timeouts: .init(connect: .minutes(10), idle: .minutes(10)))
    let node: any StorageNode & RecordLog =
      switch transport {
      case .local: LocalNode(store)
      case .http:
        RemoteNode(
          id: store.node, address: ListenAddress(host: "127.0.0.1", port: server.port), client: client,
          tokens: tokens)
      }
    let fixture = NodeFixture(node: node, store: store, port: server.port, client: client, path: folder.path)
    // Coordinators work on the event loops of their client.
    let result = await client.onEventLoop { () -> Result<Void, any Error> in
      do { return .success(try await body(fixture)) } catch { return .failure(error) }
    }
    await server.stop(grace: .zero)
    await store.close()
    try result.get()
  }

  func record(_ payload: ByteBuffer, id: BlobID = BlobIDGenerator().next()) throws -> EncodedRecord {
    try EncodedRecord(
      Record(kind: .chunk, blob: id, timestamp: .now(), metadata: ByteBuffer(), payload: payload))
  }
}

private final class Collector: ByteSink, @unchecked Sendable {
  var bytes = ByteBuffer()

  func write(_ bytes: ByteBuffer) async throws {
    self.bytes.writeImmutableBuffer(bytes)
  }
}

@Suite struct StorageNodeContractTests {
  @Test(arguments: Transport.allCases, [0, 1, 1000, 256 << 10, (256 << 10) + 1, 8 << 20])
  func whatWasAppendedIsRead(transport: Transport, size: Int) async throws {
    try await NodeFixture.with(transport) { fixture in
      let volume = VolumeID.make()
      let payload = ByteBuffer(repeating: 0x5A, count: size)
      let record = try fixture.record(payload)
      try await fixture.node.createVolume(volume)
      try await fixture.node.append(record, to: volume)
      let location = BlobLocation(volume: volume, blob: record.header.blob)
      let whole = Collector()
      try await fixture.node.read(location, expecting: .chunk, range: nil).write(to: whole)
      #expect(whole.bytes == payload)
      guard size > 10 else { return }
      let part = Collector()
      try await fixture.node.read(location, expecting: .chunk, range: 3..<UInt64(size - 2)).write(to: part)
      #expect(part.bytes == payload.getSlice(at: 3, length: size - 5))
    }
  }

  @Test(arguments: Transport.allCases)
  func onlyTheExpectedRecordIsRead(transport: Transport) async throws {
    try await NodeFixture.with(transport) { fixture in
      let volume = VolumeID.make()
      try await fixture.node.createVolume(volume)
      let names = [
        ObjectName(bucket: .default, key: try ObjectKey("a")), ObjectName(bucket: .default, key: try ObjectKey("ab")),
        ObjectName(bucket: try BucketName("photos"), key: try ObjectKey("a")),
        // The same text to a reader, and another object.
        ObjectName(bucket: .default, key: try ObjectKey("caf\u{E9}")),
        ObjectName(bucket: .default, key: try ObjectKey("cafe\u{301}")),
      ]
      let ids = BlobIDGenerator()
      var records: [(record: EncodedRecord, owner: ObjectName?)] = [
        (try fixture.record(ByteBuffer(string: "chunk"), id: ids.next()), nil)
      ]
      for name in names {
        let id = ids.next()
        let attributes = ObjectAttributes(
          size: 1, contentType: "a/b", createdAt: .now(), md5: nil, sha256: nil, layout: .inline)
        let metadata = HeadRecord(name: name, attributes: attributes).metadata()
        let head = Record(
          kind: .head, blob: id, timestamp: .now(), metadata: metadata, payload: ByteBuffer(string: "x"))
        records.append((try EncodedRecord(head), name))
      }
      for (record, _) in records { try await fixture.node.append(record, to: volume) }
      let expectations = [ExpectedRecord.chunk] + names.map { .head($0) }
      for (record, owner) in records {
        let location = BlobLocation(volume: volume, blob: record.header.blob)
        for expected in expectations {
          let isRight = expected == owner.map { .head($0) } ?? .chunk
          for range in [nil, 0..<1] as [Range<UInt64>?] {
            let found = await refusal { () throws(NodeError) in
              _ = try await fixture.node.read(location, expecting: expected, range: range)
            }
            #expect(found == (isRight ? nil : .otherRecord), "\(expected) of \(String(describing: owner))")
          }
        }
      }
    }
  }

  @Test(arguments: Transport.allCases)
  func doingItTwiceIsNoError(transport: Transport) async throws {
    try await NodeFixture.with(transport) { fixture in
      let volume = VolumeID.make()
      let record = try fixture.record(ByteBuffer(string: "x"))
      for _ in 0..<2 { try await fixture.node.createVolume(volume) }
      for _ in 0..<2 { try await fixture.node.append(record, to: volume) }
      for _ in 0..<2 { try await fixture.node.seal(volume) }
      #expect(fixture.store.volumes().map(\.blobCount) == [1])
    }
  }

  @Test(arguments: Transport.allCases)
  func refusalsTellWhatToDo(transport: Transport) async throws {
    try await NodeFixture.with(transport) { fixture in
      let volume = VolumeID.make()
      let unknown = VolumeID(rawValue: 1)
      let record = try fixture.record(ByteBuffer(string: "x"))
      try await fixture.node.createVolume(volume)
      let missing = BlobLocation(volume: volume, blob: record.header.blob)
      #expect(
        await refusal { () throws(NodeError) in try await fixture.node.append(record, to: unknown) } == .volumeUnknown)
      #expect(
        await refusal { () throws(NodeError) in
          _ = try await fixture.node.read(missing, expecting: .chunk, range: nil)
        } == .blobUnknown)
      try await fixture.node.seal(volume)
      #expect(
        await refusal { () throws(NodeError) in try await fixture.node.append(record, to: volume) } == .volumeClosed)
    }
  }

  @Test func manyAppendsAtOnceAllArrive() async throws {
    try await NodeFixture.with(.http) { fixture in
      let volume = VolumeID.make()
      try await fixture.node.createVolume(volume)
      let ids = BlobIDGenerator()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for index in 0..<200 {
          let record = try fixture.record(ByteBuffer(string: "\(index)"), id: ids.next())
          group.addTask { try await fixture.node.append(record, to: volume) }
        }
        try await group.waitForAll()
      }
      #expect(fixture.store.volumes().map(\.blobCount) == [200])
    }
  }
}
