internal import NIOCore

/// A command on its way, and who waits for the answer.
struct RedisRequest: Sendable {
  let command: RedisCommand
  let answer: CheckedContinuation<Result<RedisReply, CatalogError>, Never>
}

/// The shell of ``RedisConnectionStateMachine``: bytes in and out of a channel, and the clock.
///
/// It is added to a channel that is active. All commands of one turn of the event loop leave in one write.
final class RedisChannelHandler: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let configuration: RedisConfiguration
  private let didBecomeReady: (RedisChannelHandler) -> Void
  /// Told once, with the cause, and whether Redis itself said that it can't serve.
  private let didEnd: (String, _ condemned: Bool) -> Void

  private var machine: RedisConnectionStateMachine<RedisRequest>
  private let reader = RedisReplyReader()
  private var context: ChannelHandlerContext?
  private var outbound = ByteBuffer()
  private var flushIsScheduled = false
  private var timeoutIsScheduled = false
  private var hasEnded = false

  init(
    configuration: RedisConfiguration, didBecomeReady: @escaping (RedisChannelHandler) -> Void,
    didEnd: @escaping (String, _ condemned: Bool) -> Void
  ) {
    self.configuration = configuration
    self.didBecomeReady = didBecomeReady
    self.didEnd = didEnd
    machine = RedisConnectionStateMachine(commandTimeout: configuration.commandTimeout)
  }

  // MARK: Requests

  /// Sends `request` with the next write. On the event loop.
  func send(_ request: RedisRequest) {
    guard let context else { return fail([request], cause: "the connection was closed") }
    switch machine.submit(request, now: .now()) {
    case .refuse(let cause): fail([request], cause: cause)
    case .send:
      request.command.write(to: &outbound)
      scheduleFlush(context)
      scheduleTimeout(context)
    }
  }

  /// Gives the connection up.
  func close(cause: String) {
    end(cause: cause, condemned: false)
  }

  private func scheduleFlush(_ context: ChannelHandlerContext) {
    guard !flushIsScheduled else { return }
    flushIsScheduled = true
    let this = NIOLoopBound(self, eventLoop: context.eventLoop)
    context.eventLoop.execute { this.value.flush() }
  }

  private func flush() {
    flushIsScheduled = false
    guard let context, outbound.readableBytes > 0 else { return }
    let bytes = outbound
    outbound = context.channel.allocator.buffer(capacity: 0)
    context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
  }

  // MARK: Channel

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    guard context.channel.isActive else { return }
    for command in machine.connected(configuration: configuration, now: .now()) { command.write(to: &outbound) }
    flush()
    scheduleTimeout(context)
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    end(cause: "the connection was closed", condemned: false)
    self.context = nil
  }

  func channelInactive(context: ChannelHandlerContext) {
    end(cause: "the connection was closed", condemned: false)
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    end(cause: describe(connectionError: error), condemned: false)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    do throws(RedisProtocolError) {
      try reader.feed(unwrapInboundIn(data))
      while !hasEnded, let reply = try reader.next() { perform(machine.receive(reply)) }
    } catch {
      end(cause: "not the Redis protocol: \(error)", condemned: false)
    }
  }

  private func perform(_ action: RedisConnectionStateMachine<RedisRequest>.ReceiveAction) {
    switch action {
    case .none: break
    case .becomeReady: didBecomeReady(self)
    case .answer(let request, let reply): request.answer.resume(returning: .success(reply))
    case .answerAndClose(let request, let reply, let cause):
      request.answer.resume(returning: .success(reply))
      end(cause: cause, condemned: true)
    case .close(let cause): end(cause: cause, condemned: true)
    }
  }

  private func end(cause: String, condemned: Bool) {
    guard !hasEnded else { return }
    hasEnded = true
    fail(machine.end(), cause: cause)
    context?.close(promise: nil)
    didEnd(cause, condemned)
  }

  private func fail(_ requests: [RedisRequest], cause: String) {
    for request in requests {
      request.answer.resume(returning: .failure(.connectionFailed(configuration.address, cause: cause)))
    }
  }

  // MARK: Time-out

  /// One timer at most: when it fires early for the oldest request of then, it is set again for the oldest of now.
  private func scheduleTimeout(_ context: ChannelHandlerContext) {
    guard !timeoutIsScheduled, let deadline = machine.nextDeadline else { return }
    timeoutIsScheduled = true
    let this = NIOLoopBound(self, eventLoop: context.eventLoop)
    context.eventLoop.scheduleTask(deadline: deadline) { this.value.checkTimeout() }
  }

  private func checkTimeout() {
    timeoutIsScheduled = false
    guard let context, !hasEnded else { return }
    if machine.isOverdue(now: .now()) {
      end(cause: "no answer within \(configuration.commandTimeout.seconds) s", condemned: true)
    } else {
      scheduleTimeout(context)
    }
  }
}

extension CatalogError {
  static func connectionFailed(_ address: RedisConfiguration.Address, cause: String) -> CatalogError {
    .unavailable("Redis connection failed: \(address): \(cause)")
  }
}

extension TimeAmount {
  var seconds: Double { Double(nanoseconds) / 1e9 }
}
