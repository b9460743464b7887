internal import Logging
internal import NIOCore
internal import NIOHTTP1

/// One client connection: pulls requests from the decoder, runs the responder, writes answers in order.
///
/// The shell around ``HTTPConnectionState``. Nothing is read from the socket that nobody asked for: `autoRead` is
/// off, so a slow consumer of a body slows its sender down. Confined to its event loop.
final class HTTPServerHandler: ChannelInboundHandler, @unchecked Sendable {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = IOData

  /// What came from the socket and was not used yet, in order.
  private enum Input {
    case part(HTTPServerRequestPart)
    case failed(any Error)
    case ended
  }

  private enum Timeout {
    case idle
    case requestHead
    case body
    case write
    case linger
  }

  let eventLoop: any EventLoop
  private let context: HTTPServerContext
  private let executor: EventLoopExecutor
  private var channelContext: ChannelHandlerContext?
  private var state = HTTPConnectionState()
  private var inbox = CircularBuffer<Input>()
  private var task: Task<Void, Never>?
  /// The fields after the body of the request that is being answered.
  private var trailers: HTTPHeaders = [:]
  private var bodyFailure: HTTPBodyError?
  private var bodyWaiter: CheckedContinuation<Void, Never>?
  private var writeWaiter: CheckedContinuation<Void, any Error>?
  private var processing = false
  private var reading = false
  private var inRead = false
  private var timeout: (kind: Timeout, deadline: NIODeadline)?
  private var timer: (deadline: NIODeadline, task: Scheduled<Void>)?

  init(context: HTTPServerContext, eventLoop: any EventLoop) {
    self.context = context
    self.eventLoop = eventLoop
    executor = EventLoopExecutor(eventLoop)
  }

  // MARK: Channel events

  func handlerAdded(context: ChannelHandlerContext) {
    channelContext = context
  }

  func channelActive(context: ChannelHandlerContext) {
    expect(.idle, within: self.context.limits.idleTimeout)
    read()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    inRead = true
    inbox.append(.part(unwrapInboundIn(data)))
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    inRead = true
    reading = false
    if case .waitingForRequest = state.phase, inbox.isEmpty, timeout?.kind == .idle {
      expect(.requestHead, within: self.context.limits.requestTimeout)
    }
    process()
    inRead = false
    context.flush()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    inbox.append(.failed(error))
    process()
    context.flush()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case ChannelEvent.inputClosed:
      inbox.append(.ended)
      process()
      context.flush()
    case is HTTPServerStopping:
      if state.stop() { close() }
    default:
      context.fireUserInboundEventTriggered(event)
    }
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    guard context.channel.isWritable, let waiter = writeWaiter else { return }
    writeWaiter = nil
    timeout = nil
    waiter.resume()
  }

  func channelInactive(context: ChannelHandlerContext) {
    state.close()
    timeout = nil
    timer?.task.cancel()
    bodyFailure = bodyFailure ?? .cutOff
    task?.cancel()
    resumeBodyWaiter()
    writeWaiter?.resume(throwing: ChannelError.ioOnClosedChannel)
    writeWaiter = nil
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    channelContext = nil
  }

  private func read() {
    guard !reading, let channelContext else { return }
    reading = true
    channelContext.read()
  }

  private func close() {
    state.close()
    timeout = nil
    channelContext?.close(promise: nil)
  }

  // MARK: Requests

  /// Takes what it can from the inbox. Answers that complete at once come back here: they only mark the state.
  private func process() {
    guard !processing else { return }
    processing = true
    defer { processing = false }
    while true {
      switch state.phase {
      case .waitingForRequest:
        guard let input = inbox.popFirst() else {
          if timeout == nil { expect(.idle, within: context.limits.idleTimeout) }
          return read()
        }
        switch input {
        case .part(.head(let head)): begin(head)
        case .part: continue
        case .failed(let error): refuse(error)
        case .ended: return close()
        }
      case .answering:
        resumeBodyWaiter()
        // Reading ahead by one piece saves the poller two system calls a request, and notices a client that leaves.
        if inbox.isEmpty { read() }
        return
      case .draining, .lingering:
        guard let input = inbox.popFirst() else {
          if timeout == nil { expect(.idle, within: context.limits.idleTimeout) }
          return read()
        }
        drop(input)
      case .closed:
        return inbox.removeAll()
      }
    }
  }

  private func begin(_ head: HTTPRequestHead) {
    timeout = nil
    bodyFailure = nil
    trailers = [:]
    let action = state.received(head: head)
    // A body that came along with its head, or none at all, need not be waited for.
    if case .part(.end) = inbox.first { takeEnd() }
    let body = HTTPRequestBody(
      eventLoop: eventLoop, pull: { [unowned self] in pullBody() },
      wait: { [unowned self] in waitForBody($0) }, trailers: { [unowned self] in trailers })
    let request = HTTPRequest(head: head, body: body, id: context.requestIDs.next())
    switch action {
    case .answer(let sendContinue):
      if sendContinue { writeContinue() }
      task = Task.immediate(executorPreference: executor) { [self] in
        await answer(request, with: context.responder.respond(to: request))
      }
    case .reject(let status, let detail):
      finish(context.refusal(status, detail), requestID: request.id)
    }
  }

  private func refuse(_ error: any Error) {
    let overflow = (error as? HTTPParserError) == .headerOverflow
    _ = state.received(head: HTTPRequestHead(version: .http1_0, method: .GET, uri: "/"))
    finish(
      overflow
        ? context.refusal(
          .requestHeaderFieldsTooLarge,
          "The request's headers have more than \(HTTPServerLimits.headerBytesMax) bytes")
        : context.refusal(.badRequest, "The request is not valid HTTP/1.1: \(error)"),
      requestID: context.requestIDs.next())
  }

  private func drop(_ input: Input) {
    switch input {
    case .part(.body(let bytes)):
      if case .draining = state.phase, !state.drained(bytes.readableBytes) { close() }
    case .part(.end): state.drainedToEnd()
    case .part(.head): break
    case .failed, .ended: close()
    }
  }

  // MARK: Body

  private func takeEnd() {
    if case .part(.end(let fields?)) = inbox.removeFirst() { trailers = fields }
    state.receivedEnd()
  }

  private func pullBody() -> HTTPRequestBody.Pull {
    if let bodyFailure { return .failed(bodyFailure) }
    guard let exchange = state.exchange else { return .failed(.cutOff) }
    if exchange.bodyComplete { return .end }
    switch inbox.first {
    case .part(.body(let bytes)):
      inbox.removeFirst()
      state.received(bodyBytes: bytes.readableBytes)
      timeout = nil
      return bytes.readableBytes > 0 ? .bytes(bytes) : pullBody()
    case .part(.end):
      takeEnd()
      return .end
    case .part(.head), .ended:
      return failBody(.cutOff)
    case .failed(let error):
      inbox.removeFirst()
      return failBody((error as? HTTPParserError) == .invalidEOFState ? .cutOff : .malformed("\(error)"))
    case nil:
      return .later
    }
  }

  @discardableResult
  private func failBody(_ failure: HTTPBodyError) -> HTTPRequestBody.Pull {
    bodyFailure = failure
    state.bodyFailed()
    return .failed(failure)
  }

  private func waitForBody(_ continuation: CheckedContinuation<Void, Never>) {
    precondition(bodyWaiter == nil, "two readers of one body")
    bodyWaiter = continuation
    if state.bodyWanted() {
      writeContinue()
      channelContext?.flush()
    }
    expect(.body, within: context.limits.idleTimeout)
    read()
  }

  private func resumeBodyWaiter() {
    guard let waiter = bodyWaiter, !inbox.isEmpty || bodyFailure != nil else { return }
    bodyWaiter = nil
    waiter.resume()
  }

  // MARK: Answers

  private func answer(_ request: HTTPRequest, with response: HTTPResponse) async {
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
  private func finish(_ response: HTTPResponse, requestID: String) {
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
      response, requestID: requestID, date: context.date.now(), framing: framing, keepAlive: keepAlive,
      isVersion10: isVersion10)
    // One write, and so one system call, for a small answer.
    let inlined = body.flatMap { $0.readableBytes <= Self.inlineBytesMax ? $0 : nil }
    var bytes = ByteBuffer()
    bytes.reserveCapacity(head.bytes.count + (inlined?.readableBytes ?? 0))
    bytes.writeBytes(head.bytes)
    if let inlined { bytes.writeImmutableBuffer(inlined) }
    try? write(.byteBuffer(bytes))
    if let body, inlined == nil { try? write(.byteBuffer(body)) }
    return keepAlive
  }

  private static let inlineBytesMax = 32 << 10

  private func end(keepAlive: Bool) {
    task = nil
    switch state.endAnswer(keepAlive: keepAlive) {
    case .nextRequest, .drain:
      if !inRead { channelContext?.flush() }
      process()
    case .linger:
      expect(.linger, within: HTTPServerLimits.lingerTimeout)
      channelContext?.flush()
      channelContext?.close(mode: .output, promise: nil)
      process()
    case .close:
      guard let channelContext else { return }
      channelContext.writeAndFlush(wrapOutboundOut(.byteBuffer(ByteBuffer()))).whenComplete { [self] _ in close() }
    }
  }

  private func writeContinue() {
    try? write(.byteBuffer(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")))
  }

  func write(_ data: IOData, promise: EventLoopPromise<Void>? = nil) throws {
    eventLoop.assertInEventLoop()
    guard let channelContext, channelContext.channel.isActive else { throw ChannelError.ioOnClosedChannel }
    channelContext.write(wrapOutboundOut(data), promise: promise)
  }

  func flush() {
    channelContext?.flush()
  }

  func waitUntilWritable() async throws {
    guard let channelContext, channelContext.channel.isActive else { throw ChannelError.ioOnClosedChannel }
    if channelContext.channel.isWritable { return }
    channelContext.flush()
    // The flush may have made room at once.
    if channelContext.channel.isWritable { return }
    expect(.write, within: context.limits.idleTimeout)
    try await withCheckedThrowingContinuation { writeWaiter = $0 }
  }

  // MARK: Time

  private func expect(_ kind: Timeout, within time: TimeAmount) {
    let deadline = NIODeadline.now() + time
    timeout = (kind, deadline)
    if let timer, timer.deadline <= deadline { return }
    timer?.task.cancel()
    schedule(deadline)
  }

  /// One timer a connection, moved only when it fires: setting a time-out for every request costs nothing.
  private func schedule(_ deadline: NIODeadline) {
    timer = (deadline, eventLoop.scheduleTask(deadline: deadline) { [weak self] in self?.timerFired() })
  }

  private func timerFired() {
    timer = nil
    guard let timeout else { return }
    guard timeout.deadline <= .now() else { return schedule(timeout.deadline) }
    self.timeout = nil
    switch timeout.kind {
    case .idle, .linger:
      close()
    case .requestHead:
      _ = state.received(head: HTTPRequestHead(version: .http1_0, method: .GET, uri: "/"))
      let seconds = context.limits.requestTimeout.nanoseconds / 1_000_000_000
      finish(
        context.refusal(.requestTimeout, "The request's headers did not arrive within \(seconds) seconds"),
        requestID: context.requestIDs.next())
      channelContext?.flush()
    case .body:
      failBody(.idle(seconds: context.limits.idleTimeout.nanoseconds / 1_000_000_000))
      resumeBodyWaiter()
    case .write:
      close()
    }
  }
}

/// What is wrong with an answer that was begun.
enum HTTPAnswerError: Error {
  case wrongLength(announced: UInt64, sent: UInt64)
}
