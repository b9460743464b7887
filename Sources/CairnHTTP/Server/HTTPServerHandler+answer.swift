internal import Logging
internal import NIOCore

/// Answers, in the order of their requests.
extension HTTPServerHandler {
  /// A body up to this size goes out in one piece with its head.
  private static let inlineBytesMax = 32 << 10

  func answer(_ request: HTTPRequest, with response: HTTPResponse) async {
    guard let exchange = state.exchange else { return }
    guard case .stream(let length, let produce) = response.body, !exchange.isHead else {
      return finish(response, requestID: request.id)
    }
    let chunked = length == nil && !exchange.isVersion10
    let keepAlive = begin(response, requestID: request.id, framing: length.map { .length($0) } ?? .unknown)
    let writer = HTTPResponseWriter(connection: self, chunked: chunked)
    do {
      try await produce(writer)
      if let length, writer.written != length {
        throw HTTPAnswerError.wrongLength(announced: length, sent: writer.written)
      }
      if chunked { try write(.byteBuffer(ByteBuffer(string: "0\r\n\r\n"))) }
      end(keepAlive: keepAlive && (length != nil || chunked))
    } catch {
      context.logger.debug(
        "answer broken off",
        metadata: ["request": "\(request.id)", "error": "\(error)", "written": "\(writer.written)"])
      channelContext?.flush()
      close()
    }
  }

  /// Writes an answer whose body, if any, is in memory.
  func finish(_ response: HTTPResponse, requestID: String) {
    let isHead = state.exchange?.isHead ?? false
    switch response.body {
    case .empty:
      end(keepAlive: begin(response, requestID: requestID, framing: .length(0)))
    case .bytes(let bytes):
      let framing = AnswerFraming.length(UInt64(bytes.readableBytes))
      end(keepAlive: begin(response, requestID: requestID, framing: framing, inlined: isHead ? nil : bytes))
    case .stream(let length, _):
      // Only HEAD comes here.
      end(keepAlive: begin(response, requestID: requestID, framing: length.map { .length($0) } ?? .unknown))
    }
  }

  private func begin(
    _ response: HTTPResponse, requestID: String, framing: AnswerFraming, inlined body: ByteBuffer? = nil
  ) -> Bool {
    let isVersion10 = state.exchange?.isVersion10 ?? false
    let plan = state.beginAnswer(response.status)
    if plan.sendContinue { writeContinue() }
    let keepAlive = plan.keepAlive && !(isVersion10 && framing == .unknown)
    let head = AnswerHead(
      response: response, requestID: requestID, date: context.date.now(), framing: framing, keepAlive: keepAlive,
      isVersion10: isVersion10)
    // One write, and so one system call, for a small answer.
    let inlined = body.flatMap { $0.readableBytes <= Self.inlineBytesMax ? $0 : nil }
    try? write(.byteBuffer(head.bytes(with: inlined)))
    if let body, inlined == nil { try? write(.byteBuffer(body)) }
    return keepAlive
  }

  private func end(keepAlive: Bool) {
    task = nil
    switch state.endAnswer(keepAlive: keepAlive) {
    case .nextRequest, .drain:
      if !inRead { channelContext?.flush() }
      process()
    case .linger:
      timer.expect(.linger, within: HTTPServerLimits.lingerTimeout)
      channelContext?.flush()
      channelContext?.close(mode: .output, promise: nil)
      process()
    case .close:
      guard let channelContext else { return }
      // A client that does not read keeps the connection open no longer than within an answer.
      timer.expect(.write, within: context.limits.idleTimeout)
      channelContext.writeAndFlush(wrapOutboundOut(.byteBuffer(ByteBuffer()))).whenComplete { [self] _ in close() }
    }
  }

  func writeContinue() {
    try? write(.byteBuffer(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")))
  }

  func write(_ data: IOData, promise: EventLoopPromise<Void>? = nil) throws {
    eventLoop.assertInEventLoop()
    guard let channelContext, let channel, channel.isActive else { throw ChannelError.ioOnClosedChannel }
    channelContext.write(wrapOutboundOut(data), promise: promise)
  }

  func flush() {
    channelContext?.flush()
  }

  func waitUntilWritable() async throws {
    guard let channelContext, let channel, channel.isActive else { throw ChannelError.ioOnClosedChannel }
    if channel.isWritable { return }
    channelContext.flush()
    // The flush may have made room at once.
    if channel.isWritable { return }
    timer.expect(.write, within: context.limits.idleTimeout)
    try await withCheckedThrowingContinuation { writeWaiter = $0 }
  }
}

/// What is wrong with an answer that was begun.
enum HTTPAnswerError: Error {
  case wrongLength(announced: UInt64, sent: UInt64)
}
