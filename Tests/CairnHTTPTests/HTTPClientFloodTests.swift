import CairnHTTP
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

/// Answers every connection with the same bytes, then with others without end.
private final class FloodServer: ChannelInboundHandler, Sendable {
  typealias InboundIn = ByteBuffer

  private let first: ByteBuffer
  private let repeated: ByteBuffer

  init(_ first: String, then repeated: String) {
    self.first = ByteBuffer(string: first)
    self.repeated = ByteBuffer(string: String(repeating: repeated, count: 100_000 / repeated.utf8.count))
  }

  func channelActive(context: ChannelHandlerContext) {
    context.write(NIOAny(first), promise: nil)
    flood(NIOLoopBound(context, eventLoop: context.eventLoop))
  }

  private func flood(_ context: NIOLoopBound<ChannelHandlerContext>) {
    context.value.writeAndFlush(NIOAny(repeated)).whenSuccess { self.flood(context) }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }
}

/// Servers that send more than an answer needs.
@Suite struct HTTPClientFloodTests {
  @Test(arguments: [
    ("HTTP/1.1 200 OK\r\n", "a: b\r\n"),
    ("HTTP/1.1 200 OK\r\n", "a: " + String(repeating: "b", count: 1000) + "\r\n"),
    ("", "HTTP/1.1 100 Continue\r\n\r\n"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", "a: b\r\n"),
    ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;e=", "aaaaaaaa"),
  ])
  func answersWithoutAnEndFailAndCloseTheConnection(first: String, repeated: String) async throws {
    let flood = FloodServer(first, then: repeated)
    let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(flood) }
      }
      .bind(host: "127.0.0.1", port: 0).get()
    let client = HTTPClient(group: .singleton, timeouts: .init(connect: .seconds(60), idle: .seconds(60)))
    let address = ListenAddress(host: "127.0.0.1", port: listener.localAddress?.port ?? 0)
    do throws(HTTPClientError) {
      _ = try await client.fetch(HTTPClientRequest(.GET, "/"), from: address, limit: 1 << 30)
      Issue.record("the answer was taken")
    } catch {
      guard case .malformed(_, let reason) = error else {
        Issue.record("\(error)")
        return
      }
      #expect(reason.contains("65536 bytes") || reason.contains("lines"), "\(reason)")
    }
    try await listener.close()
  }
}
