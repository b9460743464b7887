internal import Logging
internal import NIOCore
internal import NIOHTTP1

/// One client connection: pulls requests from the decoder, runs the responder, writes answers in order.
///
/// The shell around ``HTTPConnectionState``. Nothing is read from the socket that nobody asked for: `autoRead` is
/// off, so a slow consumer of a body slows its sender down, and a client that does not read its answers gets no more
/// of its requests answered. Confined to its event loop. Requests and their bodies are here, answers in an extension.
final class HTTPServerHandler: ChannelInboundHandler, HTTPBodySource, @unchecked Sendable {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = IOData

  /// What came from the socket and was not used yet, in order.
  private enum Input {
    case part(HTTPServerRequestPart)
    case failed(any Error)
    case ended
  }

  private static let methods = "GET, HEAD, PUT, POST, PATCH, DELETE, OPTIONS"

  let eventLoop: any EventLoop
  let context: HTTPServerContext
  private let executor: EventLoopExecutor
  /// In front of the decoder.
  private let feed: DecoderFeed
  var channelContext: ChannelHandlerContext?
  /// The context's: to ask the context for it takes longer than to use it.
  private(set) var channel: (any Channel)?
  var state = HTTPConnectionState()
  private var inbox = CircularBuffer<Input>()
  var task: Task<Void, Never>?
  /// The fields after the body of the request that is being answered.
  private(set) var trailers: HTTPHeaders = [:]
  private var bodyFailure: HTTPBodyError?
  private var bodyWaiter: CheckedContinuation<Void, Never>?
  private var pace: BodyPace
  var writeWaiter: CheckedContinuation<Void, any Error>?
  private var processing = false
  private var reading = false
  var inRead = false
  lazy var timer = HTTPConnectionTimer(eventLoop: eventLoop) { [unowned self] in expired($0) }

  init(context: HTTPServerContext, feed: DecoderFeed, eventLoop: any EventLoop) {
    self.context = context
    self.feed = feed
    self.eventLoop = eventLoop
    pace = BodyPace(context.limits)
    executor = context.executors[eventLoop] ?? EventLoopExecutor(eventLoop)
  }

  // MARK: Channel events

  func handlerAdded(context: ChannelHandlerContext) {
    channelContext = context
    channel = context.channel
  }

  func channelActive(context: ChannelHandlerContext) {
    timer.expect(.idle, within: self.context.limits.idleTimeout)
    read()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let part = unwrapInboundIn(data)
    switch part {
    case .head, .end: feed.budget.decodedHeadOrEnd()
    case .body(let bytes): feed.budget.decodedBody(bytes.readableBytes)
    }
    inbox.append(.part(part))
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    inRead = true
    reading = false
    if case .waitingForRequest = state.phase, inbox.isEmpty, timer.pending == .idle {
      timer.expect(.requestHead, within: self.context.limits.requestTimeout)
    }
    process()
    inRead = false
    context.flush()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    feed.discard()
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
    guard context.channel.isWritable else { return }
    if let waiter = writeWaiter {
      writeWaiter = nil
      timer.clear()
      waiter.resume()
    } else if case .waitingForRequest = state.phase {
      if timer.pending == .write { timer.clear() }
      process()
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    state.close()
    timer.stop()
    bodyFailure = bodyFailure ?? .cutOff
    task?.cancel()
    resumeBodyWaiter()
    writeWaiter?.resume(throwing: ChannelError.ioOnClosedChannel)
    writeWaiter = nil
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    channelContext = nil
    channel = nil
  }

  /// Decodes more of what came from the socket; where nothing is left of it, reads from there.
  ///
  /// - Returns: whether the inbox has something now.
  @discardableResult
  private func read() -> Bool {
    feed.budget.bodyRemaining = state.exchange?.bodyRemaining ?? 0
    while inbox.isEmpty, feed.decodeMore() {}
    if !inbox.isEmpty { return true }
    guard !reading, let channelContext else { return false }
    reading = true
    channelContext.read()
    return false
  }

  func close() {
    state.close()
    timer.clear()
    channelContext?.close(promise: nil)
  }

  // MARK: Requests

  /// Takes what it can from the inbox. Answers that complete at once come back here: they only mark the state.
  func process() {
    guard !processing else { return }
    processing = true
    defer { processing = false }
    while true {
      switch state.phase {
      case .waitingForRequest:
        guard isReadyForRequest, let input = nextInput() else { return }
        // To flush and to read may both have found that the client is gone.
        guard case .waitingForRequest = state.phase else { continue }
        switch input {
        case .part(.head(let head)): begin(head)
        case .part: continue
        case .failed(let error): refuse(error)
        case .ended: return close()
        }
      case .answering:
        // Reading ahead by one piece saves the poller two system calls a request, and notices a client that leaves.
        if inbox.isEmpty { read() }
        resumeBodyWaiter()
        return
      case .draining, .lingering:
        guard let input = nextInput() else { return }
        drop(input)
      case .closed:
        return inbox.removeAll()
      }
    }
  }

  private func nextInput() -> Input? {
    if inbox.isEmpty, !read() {
      if timer.pending == nil { timer.expect(.idle, within: context.limits.idleTimeout) }
      return nil
    }
    return inbox.popFirst()
  }

  /// Whether the client has read enough of its answers to get another one; otherwise it has the time of a write.
  private var isReadyForRequest: Bool {
    guard let channel, !channel.isWritable else { return true }
    channelContext?.flush()
    if channel.isWritable { return true }
    if timer.pending != .write { timer.expect(.write, within: context.limits.idleTimeout) }
    return false
  }

  private func begin(_ head: HTTPRequestHead) {
    var head = head
    timer.clear()
    bodyFailure = nil
    trailers = [:]
    pace.restart()
    let action = state.received(head: &head)
    // A body that came along with its head, or none at all, need not be waited for.
    if case .part(.end) = inbox.first { takeEnd() }
    let body = HTTPRequestBody(self, eventLoop: eventLoop)
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
    state.receivedNoRequest()
    var refusal: HTTPResponse
    switch error {
    case let excess as MessageBudget.Excess:
      refusal = context.refusal(.requestHeaderFieldsTooLarge, "The request was not read to its end: \(excess)")
    case HTTPParserError.headerOverflow:
      refusal = context.refusal(
        .requestHeaderFieldsTooLarge,
        "The request's headers have more than \(HTTPServerLimits.headerBytesMax) bytes")
    case HTTPParserError.invalidMethod:
      // The parser comes to no path then, so these are the methods of any.
      refusal = context.refusal(
        .methodNotAllowed, "The request does not begin with a method that is known here: \(Self.methods)")
      refusal.headers.replaceOrAdd(name: "Allow", value: Self.methods)
    default: refusal = context.refusal(.badRequest, "The request is not valid HTTP/1.1: \(error)")
    }
    finish(refusal, requestID: context.requestIDs.next())
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

  var remoteAddress: SocketAddress? { channel?.remoteAddress }

  private func takeEnd() {
    if case .part(.end(let fields?)) = inbox.removeFirst() { trailers = fields.trimmed() }
    state.receivedEnd()
  }

  func pullBody() -> HTTPBodyPull {
    if let bodyFailure { return .failed(bodyFailure) }
    guard let exchange = state.exchange else { return .failed(.cutOff) }
    if exchange.bodyComplete { return .end }
    switch inbox.first {
    case .part(.body(let bytes)):
      inbox.removeFirst()
      state.received(bodyBytes: bytes.readableBytes)
      pace.received(bytes.readableBytes)
      timer.clear()
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
      return feed.hasWaiting && read() ? pullBody() : .later
    }
  }

  @discardableResult
  private func failBody(_ failure: HTTPBodyError) -> HTTPBodyPull {
    bodyFailure = failure
    state.bodyFailed()
    return .failed(failure)
  }

  func waitForBody(_ continuation: CheckedContinuation<Void, Never>) {
    precondition(bodyWaiter == nil, "two readers of one body")
    bodyWaiter = continuation
    if state.bodyWanted() {
      writeContinue()
      channelContext?.flush()
    }
    timer.expect(.body, within: min(context.limits.idleTimeout, pace.wait(from: .now())))
    if read() { resumeBodyWaiter() }
  }

  private func resumeBodyWaiter() {
    guard let waiter = bodyWaiter, !inbox.isEmpty || bodyFailure != nil else { return }
    bodyWaiter = nil
    pace.stopWaiting(at: .now())
    waiter.resume()
  }

  // MARK: Time

  private func expired(_ timeout: HTTPTimeout) {
    switch timeout {
    case .idle, .linger, .write:
      close()
    case .requestHead:
      state.receivedNoRequest()
      let seconds = context.limits.requestTimeout.nanoseconds / 1_000_000_000
      finish(
        context.refusal(.requestTimeout, "The request's headers did not arrive within \(seconds) seconds"),
        requestID: context.requestIDs.next())
      channelContext?.flush()
    case .body:
      pace.stopWaiting(at: .now())
      failBody(
        pace.isTooSlow
          ? .slow(bytesPerSecond: context.limits.uploadRateMin)
          : .idle(seconds: context.limits.idleTimeout.nanoseconds / 1_000_000_000))
      resumeBodyWaiter()
    }
  }
}
