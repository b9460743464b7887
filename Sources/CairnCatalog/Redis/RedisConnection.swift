internal import NIOCore
internal import NIOPosix

/// The connection of one event loop to Redis: makes it, and makes it anew when it ends, until it is closed.
///
/// Requests wait only for an attempt whose outcome nobody knows yet: the first, and the one right after a connection
/// was lost. Between and during later attempts they fail at once.
final class RedisConnection: @unchecked Sendable {
  // Sendable because all that is mutable is used on `eventLoop` only, which each entry checks.
  let eventLoop: any EventLoop
  private let configuration: RedisConfiguration
  private let availability: RedisAvailability
  /// The connections of the other event loops.
  private var siblings: [RedisConnection] = []

  private enum State {
    case idle
    /// - Parameter lastCause: why the attempt before failed; nil where requests may wait for this one.
    case connecting(attempt: Int, lastCause: String?)
    case ready(RedisChannelHandler, any Channel)
    /// Until the next attempt.
    case delayed(lastCause: String)
    case closed
  }

  private var state = State.idle
  private var waiting: [RedisRequest] = []
  private var attempts = 0
  private var lastAttemptFailed = false
  private var backoff = RedisBackoff()
  private var random = SystemRandomNumberGenerator()

  init(eventLoop: any EventLoop, configuration: RedisConfiguration, availability: RedisAvailability) {
    self.eventLoop = eventLoop
    self.configuration = configuration
    self.availability = availability
  }

  /// Names the connections that are to hear when this one finds Redis. Once, before anything else.
  func introduce(_ siblings: [RedisConnection]) {
    self.siblings = siblings
  }

  /// Connects, unless that was begun before.
  func start() {
    eventLoop.preconditionInEventLoop()
    if case .idle = state { connect(lastCause: nil) }
  }

  func send(_ request: RedisRequest) {
    start()
    switch state {
    case .ready(let handler, _): handler.send(request)
    case .connecting(_, lastCause: nil):
      guard waiting.count < RedisLimits.pendingMax else {
        return fail([request], cause: "\(RedisLimits.pendingMax) requests wait for the connection")
      }
      waiting.append(request)
    case .connecting(_, let lastCause?), .delayed(let lastCause): fail([request], cause: lastCause)
    case .closed, .idle: fail([request], cause: Self.closedCause)
    }
  }

  /// Fails what waits, and ends the connection for good.
  func close() -> EventLoopFuture<Void> {
    eventLoop.preconditionInEventLoop()
    let last = state
    state = .closed
    siblings = []
    failWaiting(cause: Self.closedCause)
    guard case .ready(let handler, let channel) = last else { return eventLoop.makeSucceededVoidFuture() }
    handler.close(cause: Self.closedCause)
    return channel.closeFuture
  }

  private static let closedCause = "the catalog is closed"

  // MARK: Attempts

  private func connect(lastCause: String?) {
    attempts += 1
    let attempt = attempts
    state = .connecting(attempt: attempt, lastCause: lastCause)
    let bootstrap = ClientBootstrap(group: eventLoop).connectTimeout(configuration.connectTimeout)
    let channel =
      switch configuration.address {
      case .host(let name, let port): bootstrap.connect(host: name, port: port)
      case .unixSocket(let path): bootstrap.connect(unixDomainSocketPath: path)
      }
    channel.whenComplete { [self] result in
      switch result {
      case .success(let channel): connected(channel, attempt: attempt)
      case .failure(let error): ended(attempt: attempt, cause: describe(connectionError: error), condemned: true)
      }
    }
    // The bootstrap's time-out doesn't include the search for the name, nor the handshake.
    eventLoop.scheduleTask(in: configuration.connectTimeout) { [weak self] in
      guard let self, case .connecting(attempt, _) = state else { return }
      failWaiting(cause: "no connection within \(configuration.connectTimeout.seconds) s")
    }
  }

  private func connected(_ channel: any Channel, attempt: Int) {
    guard case .connecting(attempt, _) = state else { return channel.close(promise: nil) }
    let handler = RedisChannelHandler(
      configuration: configuration,
      didBecomeReady: { [weak self] handler in self?.becameReady(handler, channel) },
      didEnd: { [weak self] cause, condemned in self?.ended(attempt: attempt, cause: cause, condemned: condemned) })
    do {
      try channel.pipeline.syncOperations.addHandler(handler)
      guard channel.isActive else { throw ChannelError.ioOnClosedChannel }
    } catch {
      channel.close(promise: nil)
      ended(attempt: attempt, cause: describe(connectionError: error), condemned: true)
    }
  }

  private func becameReady(_ handler: RedisChannelHandler, _ channel: any Channel) {
    guard case .connecting = state else { return channel.close(promise: nil) }
    state = .ready(handler, channel)
    availability.connected()
    let requests = waiting
    waiting = []
    for request in requests { handler.send(request) }
    guard lastAttemptFailed else { return }
    lastAttemptFailed = false
    for sibling in siblings where sibling !== self {
      sibling.eventLoop.execute { sibling.redisIsBack() }
    }
  }

  /// Another connection found Redis: there is no reason to wait any longer.
  private func redisIsBack() {
    if case .delayed = state { connect(lastCause: nil) }
  }

  /// - Parameter condemned: whether trying again at once would likely meet the same.
  private func ended(attempt: Int, cause: String, condemned: Bool) {
    guard attempt == attempts else { return }
    if case .closed = state { return }
    if case .delayed = state { return }
    availability.failed(cause: cause)
    failWaiting(cause: cause)
    if case .ready = state, !condemned {
      backoff.reset()
      return connect(lastCause: nil)
    }
    lastAttemptFailed = true
    state = .delayed(lastCause: cause)
    eventLoop.scheduleTask(in: backoff.delay(using: &random)) { [weak self] in
      guard let self, case .delayed(let lastCause) = state else { return }
      connect(lastCause: lastCause)
    }
  }

  private func failWaiting(cause: String) {
    let requests = waiting
    waiting = []
    fail(requests, cause: cause)
  }

  private func fail(_ requests: [RedisRequest], cause: String) {
    for request in requests {
      request.answer.resume(returning: .failure(.connectionFailed(configuration.address, cause: cause)))
    }
  }
}
