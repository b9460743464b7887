internal import NIOCore
internal import NIOHTTP1

/// One connection to a server: a request at a time. Confined to its event loop.
final class HTTPClientConnection: ChannelInboundHandler, @unchecked Sendable {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundOut = HTTPClientRequestPart

  private enum Phase {
    case idle
    case waitingForHead
    case body
    case closed
  }

  let address: ListenAddress
  private let channel: any Channel
  /// In front of the decoder.
  private let feed: DecoderFeed
  /// How long nothing may move, in either direction, while something is waited for.
  private let idleTimeout: TimeAmount
  /// When something moved last.
  private var movedAt = NIODeadline.distantPast
  /// Bytes that the server's system had taken when that was looked at last.
  private var sentCount: UInt64 = 0
  /// Called when an answer was read to its end and the connection can take another request.
  private var onIdle: (() -> Void)?
  /// Called when it closes between two requests.
  var onLoss: ((HTTPClientConnection) -> Void)?
  private var phase: Phase = .idle
  /// Counts the requests.
  private var exchange: UInt64 = 0
  private var keepAlive = true
  private var outlivesCancellation = false
  /// The server answered before it had the whole request.
  private var isCutShort = false
  private var head: HTTPResponseHead?
  private var inbox = CircularBuffer<HTTPClientResponsePart>()
  private var failure: HTTPClientError?
  private var waiter: CheckedContinuation<Void, Never>?
  /// The waiter wants room to write as well as something to read.
  private var waitsForRoom = false
  private var timer: Scheduled<Void>?
  private var reading = false

  init(address: ListenAddress, channel: any Channel, feed: DecoderFeed, idleTimeout: TimeAmount) {
    self.address = address
    self.channel = channel
    self.feed = feed
    self.idleTimeout = idleTimeout
  }

  var eventLoop: any EventLoop { channel.eventLoop }

  var isUsable: Bool { phase == .idle && keepAlive && channel.isActive }

  // MARK: Requests

  /// Sends a request and waits for the head of the answer.
  func send(
    _ request: HTTPClientRequest, onIdle: @escaping () -> Void
  ) async throws(HTTPClientError) -> HTTPClientResponse {
    eventLoop.assertInEventLoop()
    precondition(phase == .idle, "two requests on one connection")
    try check(request)
    phase = .waitingForHead
    exchange += 1
    self.onIdle = onIdle
    outlivesCancellation = request.outlivesCancellation
    var headers = request.headers
    headers.replaceOrAdd(name: "Host", value: address.description)
    let length = request.body.reduce(0) { $0 + $1.readableBytes }
    if request.stream != nil {
      headers.replaceOrAdd(name: "Transfer-Encoding", value: "chunked")
    } else if length > 0 || request.method == .PUT || request.method == .POST {
      headers.replaceOrAdd(name: "Content-Length", value: String(length))
    }
    write(.head(HTTPRequestHead(version: .http1_1, method: request.method, uri: request.target, headers: headers)))
    for bytes in request.body where bytes.readableBytes > 0 { write(.body(.byteBuffer(bytes))) }
    if let stream = request.stream {
      try await send(stream)
    } else {
      write(.end(nil))
      channel.flush()
    }
    while true {
      if let failure, inbox.isEmpty { throw failure }
      switch inbox.popFirst() {
      case .head(let head):
        // 100 Continue and its like come before the answer.
        guard head.status.code >= 200 else { continue }
        phase = .body
        keepAlive = head.isKeepAlive && !isCutShort
        takeEnd()
        return HTTPClientResponse(
          status: head.status, headers: head.headers, body: HTTPClientBody(connection: self, exchange: exchange))
      case .some: continue
      case nil: await wait()
      }
    }
  }

  /// SwiftNIO writes a head as it is: a line break in it would begin another field, or another request.
  private func check(_ request: HTTPClientRequest) throws(HTTPClientError) {
    guard request.target.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
      throw .invalidRequest(address, "the target '\(request.target)' is not percent-encoded")
    }
    for (name, value) in request.headers {
      do throws(InvalidField) { try HTTPHeaders.check(name, value) } catch {
        throw .invalidRequest(address, "\(error)")
      }
    }
  }

  /// Sends a body as its bytes are made, no faster than the server takes them. An answer that comes before the end of
  /// the body ends it: the server wants no more.
  private func send(_ stream: HTTPClientStream) async throws(HTTPClientError) {
    channel.flush()
    readAhead()
    while true {
      let bytes: ByteBuffer?
      do { bytes = try await stream.next() } catch {
        failStream()
        throw .bodyFailed(address, "\(error)")
      }
      while inbox.isEmpty, failure == nil, !channel.isWritable {
        waitsForRoom = true
        await wait()
        waitsForRoom = false
      }
      guard inbox.isEmpty else {
        // What is left of the body is never sent, so the connection is of no more use.
        keepAlive = false
        isCutShort = true
        return
      }
      if let failure { throw failure }
      guard let bytes else { break }
      channel.writeAndFlush(NIOAny(HTTPClientRequestPart.body(.byteBuffer(bytes))), promise: nil)
    }
    let trailers = stream.trailers()
    write(.end(trailers.isEmpty ? nil : trailers))
    channel.flush()
  }

  private func failStream() {
    keepAlive = false
    fail(.closed(address))
    channel.close(promise: nil)
  }

  /// Decodes more of what came from the socket; where nothing is left of it, reads from there.
  private func readAhead() {
    while inbox.isEmpty, failure == nil, feed.decodeMore() {}
    guard inbox.isEmpty, failure == nil, !reading else { return }
    reading = true
    channel.read()
  }

  func nextBodyBytes() async throws(HTTPClientError) -> ByteBuffer? {
    eventLoop.assertInEventLoop()
    while phase == .body {
      if case .body(let bytes) = inbox.first {
        inbox.removeFirst()
        takeEnd()
        return bytes
      }
      takeEnd()
      guard phase == .body else { break }
      if let failure { throw failure }
      await wait()
    }
    if let failure, phase == .closed { throw failure }
    return nil
  }

  func close() {
    channel.close(promise: nil)
  }

  func cancelBody(of exchange: UInt64) {
    eventLoop.assertInEventLoop()
    guard phase == .body, self.exchange == exchange else { return }
    fail(.closed(address))
    channel.close(promise: nil)
  }

  /// The end frees the connection as soon as it is here, not when somebody looks for more.
  private func takeEnd() {
    guard phase == .body, case .end = inbox.first else { return }
    inbox.removeFirst()
    phase = .idle
    timer?.cancel()
    timer = nil
    let onIdle = onIdle
    self.onIdle = nil
    if keepAlive { onIdle?() } else { channel.close(promise: nil) }
  }

  private func write(_ part: HTTPClientRequestPart) {
    channel.write(NIOAny(part), promise: nil)
  }

  private func wait() async {
    readAhead()
    guard inbox.isEmpty, failure == nil else { return }
    movedAt = .now()
    scheduleLook(at: movedAt)
    guard !outlivesCancellation else {
      return await withCheckedContinuation { waiter = $0 }
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { waiter = $0 }
    } onCancel: {
      channel.eventLoop.execute { [self] in
        guard waiter != nil else { return }
        fail(.cancelled(address))
        channel.close(promise: nil)
      }
    }
    eventLoop.assertInEventLoop()
  }

  // MARK: Time

  /// Checks a few times within a time-out whether the request still moves. On a slow or crowded line its bytes may need
  /// longer than a server may be silent, so the time-out restarts whenever some have left, and runs in full after the
  /// last one.
  private func scheduleLook(at now: NIODeadline) {
    timer?.cancel()
    let next = min(now + .nanoseconds(max(idleTimeout.nanoseconds / Self.looksPerTimeout, 1)), movedAt + idleTimeout)
    timer = channel.eventLoop.scheduleTask(deadline: next) { [weak self] in
      guard let self else { return }
      SentBytes.count(of: channel) { self.look($0) }
    }
  }

  private static let looksPerTimeout: Int64 = 8

  private func look(_ sent: UInt64?) {
    eventLoop.assertInEventLoop()
    guard waiter != nil else { return }
    let now = NIODeadline.now()
    if let sent, sent != sentCount {
      sentCount = sent
      movedAt = now
    }
    guard now - movedAt >= idleTimeout else { return scheduleLook(at: now) }
    let seconds = Double(idleTimeout.nanoseconds) / 1e9
    fail(.timedOut(address, "nothing came for \(seconds) s"))
    channel.close(promise: nil)
  }

  private func fail(_ error: HTTPClientError) {
    // Between requests there is nobody to tell.
    if phase != .idle { failure = failure ?? error }
    phase = phase == .body ? .body : .closed
    resume()
  }

  private func resume() {
    timer?.cancel()
    timer = nil
    waiter?.resume()
    waiter = nil
  }

  // MARK: Channel events

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let part = unwrapInboundIn(data)
    switch part {
    case .head(let head):
      feed.budget.decodedHeadOrEnd()
      feed.budget.bodyRemaining = head.headers.first(name: "content-length").flatMap { UInt64($0) } ?? 0
    case .body(let bytes): feed.budget.decodedBody(bytes.readableBytes)
    case .end:
      feed.budget.decodedHeadOrEnd()
      feed.budget.bodyRemaining = 0
    }
    inbox.append(part)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if waitsForRoom, context.channel.isWritable { resume() }
    context.fireChannelWritabilityChanged()
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    reading = false
    while waiter != nil, inbox.isEmpty, failure == nil, feed.decodeMore() {}
    if waiter != nil, inbox.isEmpty {
      reading = true
      context.read()
    } else {
      resume()
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    feed.discard()
    fail(.malformed(address, "\(error)"))
    context.close(promise: nil)
  }

  func channelInactive(context: ChannelHandlerContext) {
    keepAlive = false
    if phase == .idle { onLoss?(self) }
    onLoss = nil
    // It holds this connection, to give it back.
    onIdle = nil
    fail(.closed(address))
  }
}
