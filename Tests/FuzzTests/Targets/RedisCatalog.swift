@testable import CairnCatalog
import CairnModel
import CairnTestSupport
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// What the catalog makes of Redis's answers, whatever somebody has written into Redis.
extension FuzzTarget {
  static let redisCatalog: [FuzzTarget] = [
    FuzzTarget("redis-catalog", seeds: replySeeds) { input in
      // One whole answer that is no error: others are for the connection, which has a target of its own.
      let reader = RedisReplyReader(replyLengthMax: FuzzTarget.inputLengthMax)
      guard
        let reply = accepted({
          try reader.feed(input.buffer)
          return try reader.next()
        }) ?? nil
      else { return }
      if case .error = reply { return }
      try PretendedRedis.shared().readEverything(answering: input.buffer)
    }
  ]

  private static func bulk(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    let bytes = Array(bytes)
    return Array("$\(bytes.count)\r\n".utf8) + bytes + Array("\r\n".utf8)
  }

  private static func array(_ parts: [[UInt8]]) -> [UInt8] { Array("*\(parts.count)\r\n".utf8) + parts.joined() }

  /// What each of the commands is answered.
  private static let replySeeds: [[UInt8]] = {
    func entry(_ target: String) -> [UInt8] { (try? catalogEntries.first { $0.name == target }?.seeds().first) ?? [] }
    let (number, time) = (Array(":1\r\n".utf8), Array(":1700000000000\r\n".utf8))
    let node = "0123456789abcdef0123456789abcdef"
    let id = bulk([UInt8](repeating: 0, count: 7) + [1])
    let heartbeat = bulk([UInt8](repeating: 0, count: 8) + "01700000000000".utf8)
    let report = bulk(entry("catalog-node").dropFirst(8))
    return [
      array([time, report, heartbeat, number]), array([time, bulk(node.utf8), report, heartbeat, number]),
      array([id, bulk(entry("catalog-volume")), number]),
      array([bulk(node.utf8), bulk("1700000000000 run_id:x".utf8)]),
      array([bulk("1".utf8), bulk("18446744073709551615".utf8)]), array([id, bulk("128".utf8)]),
      array([number, bulk("key".utf8), bulk(entry("catalog-object"))]),
      array([number, bulk("p/".utf8), Array("$-1\r\n".utf8)]),
      array([bulk("upload".utf8), bulk(entry("catalog-upload")), bulk("1".utf8), bulk(entry("catalog-part"))]),
      array([
        bulk("k".utf8), bulk(entry("catalog-work")), bulk("running".utf8), time, number, bulk("w".utf8), bulk([]),
        bulk("1".utf8), bulk("2".utf8),
      ]),
      bulk("# Server\r\nrun_id:0123\r\n".utf8), number,
    ]
  }()
}

/// A Redis that answers every command with the same bytes, and the catalog that asks it.
private final class PretendedRedis: Sendable {
  private static let made = Result { try PretendedRedis() }

  static func shared() throws -> PretendedRedis { try made.get() }

  private let folder: TemporaryFolder
  private let catalog: RedisCatalog
  private let answer: Answer

  private init() throws {
    let folder = try TemporaryFolder.inMemory("fuzz")
    let path = folder.path + "/redis.sock"
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let answer = Answer()
    _ = try ServerBootstrap(group: group).childChannelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandler(Answering(answer))
      }
    }.bind(unixDomainSocketPath: path).wait()
    catalog = try RedisCatalog(
      configuration: RedisConfiguration(address: .unixSocket(path: path)), eventLoopGroup: group,
      logger: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() })
    self.folder = folder
    self.answer = answer
  }

  /// Entries that make no sense are errors, or left out.
  func readEverything(answering bytes: ByteBuffer) throws {
    answer.bytes.withLock { $0 = bytes }
    try waiting { [catalog] in
      let (bucket, id) = (BucketName.default, BlobID(high: 1, low: 1))
      _ = try? await catalog.nodes()
      _ = try? await catalog.volumes(after: nil, limit: 10)
      _ = try? await catalog.openVolumes()
      _ = try? await catalog.replayMarks()
      _ = try? await catalog.reconciledNodes()
      _ = try? await catalog.epoch(of: bucket)
      _ = try? await catalog.storeProcess()
      _ = try? await catalog.list(bucket, ListQuery(prefix: "", delimiter: "/", startAfter: nil, limit: 10))
      _ = try? await catalog.object(version: id, in: bucket)
      _ = try? await catalog.upload(id)
      _ = try? await catalog.list(limit: 10)
      _ = try? await catalog.count()
      _ = try? await catalog.claim(worker: "w", limit: 10, lease: .seconds(1))
    }
  }

  private final class Answer: Sendable {
    let bytes = Mutex(ByteBuffer())
  }

  private final class Answering: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answer: Answer
    /// Commands are arrays, as some answers are.
    private let reader = RedisReplyReader()

    init(_ answer: Answer) {
      self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      do throws(RedisProtocolError) {
        try reader.feed(unwrapInboundIn(data))
        while case .array(let words)? = try reader.next() {
          let isPing = words.first == .bytes(ByteBuffer(string: "PING"))
          let bytes = isPing ? ByteBuffer(string: "+PONG\r\n") : answer.bytes.withLock { $0 }
          context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
        }
      } catch {
        context.close(promise: nil)
      }
    }
  }
}
