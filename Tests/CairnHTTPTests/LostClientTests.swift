import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import CairnHTTP

/// A client that goes away while its requests wait.
@Suite struct LostClientTests {
  /// A socket that takes no answers, and is found closed by the flush that tries again.
  private final class LostSocket: ChannelOutboundHandler {
    typealias OutboundIn = IOData

    var closesOnFlush = false

    func flush(context: ChannelHandlerContext) {
      guard closesOnFlush, let channel = context.channel as? EmbeddedChannel else { return context.flush() }
      channel.isWritable = true
      context.close(promise: nil)
    }
  }

  private struct Ok: HTTPResponder {
    func respond(to request: HTTPRequest) async -> HTTPResponse { HTTPResponse(.ok) }
  }

  @Test func aRequestThatWaitsForALostClientIsNotAnswered() throws {
    let loop = EmbeddedEventLoop()
    let channel = EmbeddedChannel(loop: loop)
    let socket = LostSocket()
    let context = HTTPServerContext(
      responder: Ok(), limits: HTTPServerLimits(), refusal: { status, _ in HTTPResponse(status) },
      executors: EventLoopExecutors(loop), logger: Logger(label: "test"))
    try channel.pipeline.syncOperations.addHandlers([socket] + context.handlers(on: loop))
    channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
    loop.run()
    channel.isWritable = false
    channel.pipeline.fireChannelRead(NIOAny(ByteBuffer(string: "GET / HTTP/1.1\r\nHost: x\r\n\r\n")))
    socket.closesOnFlush = true
    channel.pipeline.fireChannelReadComplete()
    loop.run()
    #expect(!channel.isActive)
    #expect(try channel.readOutbound(as: IOData.self) == nil)
    _ = try? channel.finish(acceptAlreadyClosed: true)
  }
}
