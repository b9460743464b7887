import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

@testable import CairnHTTP

/// What a client makes of servers that are slow, and of those that stand still.
@Suite struct SlowServerTests {
  private static let bodyLength = 4 << 20
  /// Long, because all suites run at once: a busy machine stands still, too.
  private static let timeout: TimeAmount = .seconds(15)

  /// Takes a little of a request now and then, and answers a while after its end.
  private final class SlowReader: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    static let pieceLength = 64 << 10

    private let stopsAfter: Int
    private let answersAfter: TimeAmount
    private var count = 0

    init(stopsAfter: Int, answersAfter: TimeAmount) {
      self.stopsAfter = stopsAfter
      self.answersAfter = answersAfter
    }

    func channelActive(context: ChannelHandlerContext) { context.read() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { count += unwrapInboundIn(data).readableBytes }

    func channelReadComplete(context: ChannelHandlerContext) {
      let channel = context.channel
      if count >= SlowServerTests.bodyLength {
        context.eventLoop.scheduleTask(in: answersAfter) {
          channel.writeAndFlush(ByteBuffer(string: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), promise: nil)
        }
      } else if count < stopsAfter {
        context.eventLoop.scheduleTask(in: .milliseconds(500)) { channel.read() }
      }
    }
  }

  private func send(
    stopsAfter: Int = .max, answersAfter: TimeAmount
  ) async throws -> (result: Result<HTTPResponseStatus, HTTPClientError>, time: Duration) {
    let group = MultiThreadedEventLoopGroup.singleton
    let server = try await ServerBootstrap(group: group)
      // Little is taken by the system itself.
      .serverChannelOption(ChannelOptions.socketOption(.so_rcvbuf), value: 64 << 10)
      .childChannelOption(ChannelOptions.autoRead, value: false)
      .childChannelOption(
        ChannelOptions.recvAllocator, value: FixedSizeRecvByteBufferAllocator(capacity: SlowReader.pieceLength)
      )
      .childChannelOption(ChannelOptions.maxMessagesPerRead, value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            SlowReader(stopsAfter: stopsAfter, answersAfter: answersAfter))
        }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let port = try #require(server.localAddress?.port)
    let client = HTTPClient(group: group, timeouts: .init(connect: .seconds(60), idle: Self.timeout))
    let request = HTTPClientRequest(.POST, "/", body: [ByteBuffer(repeating: 1, count: Self.bodyLength)])
    let start = ContinuousClock.now
    let result: Result<HTTPResponseStatus, HTTPClientError>
    do throws(HTTPClientError) {
      let address = ListenAddress(host: "127.0.0.1", port: port)
      result = .success(try await client.fetch(request, from: address, limit: 100).status)
    } catch {
      result = .failure(error)
    }
    let time = ContinuousClock.now - start
    try await server.close()
    return (result, time)
  }

  /// The time-out would have ended it twice while its bytes were moving, and runs in full after the last one.
  @Test func aRequestThatMovesIsNotTimedOut() async throws {
    let (result, time) = try await send(answersAfter: .seconds(5))
    #expect(result == .success(.ok))
    #expect(time > .seconds(30), "it was not slow at all")
  }

  @Test func aRequestThatStandsStillIsTimedOut() async throws {
    let (result, _) = try await send(stopsAfter: 1 << 20, answersAfter: .zero)
    guard case .failure(.timedOut) = result else {
      Issue.record("\(result)")
      return
    }
  }

  @Test func aServerThatHasAllAndSaysNothingIsTimedOut() async throws {
    let (result, time) = try await send(answersAfter: .hours(1))
    guard case .failure(.timedOut) = result else {
      Issue.record("\(result)")
      return
    }
    #expect(time > .seconds(40))
  }
}
