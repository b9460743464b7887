internal import NIOCore
internal import NIOHTTP1

/// Answers one connection too many, and closes it.
///
/// To close while the client still sends would reset the connection, and the client might never see the answer. So a few
/// of these connections at a time stay open until the request has come.
final class BusyHandler: ChannelInboundHandler, @unchecked Sendable {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private static let patience = TimeAmount.seconds(1)

  private let response: HTTPResponse
  private let limit: ConnectionLimit
  private var timer: Scheduled<Void>?

  init(_ response: HTTPResponse, _ limit: ConnectionLimit) {
    self.response = response
    self.limit = limit
  }

  func channelActive(context: ChannelHandlerContext) {
    let channel = context.channel
    guard case .bytes(let body) = response.body else { return channel.close(promise: nil) }
    var response = response
    response.headers.replaceOrAdd(name: "Retry-After", value: "1")
    let head = AnswerHead(
      response: response, requestID: "-", date: HTTPDate.format(secondsSinceEpoch: HTTPDate.secondsNow()),
      framing: .length(UInt64(body.readableBytes)), keepAlive: false, isVersion10: false)
    let sent = channel.writeAndFlush(head.bytes(with: body))
    guard limit.takeRefused() else { return sent.whenComplete { _ in channel.close(promise: nil) } }
    channel.closeFuture.whenComplete { [limit] _ in limit.giveBackRefused() }
    timer = context.eventLoop.scheduleTask(in: Self.patience) { channel.close(promise: nil) }
    context.read()
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    context.close(promise: nil)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case .inputClosed? = event as? ChannelEvent { context.close(promise: nil) }
  }

  func channelInactive(context: ChannelHandlerContext) {
    timer?.cancel()
    timer = nil
  }
}
