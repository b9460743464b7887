internal import NIOCore

/// What one connection to Redis may do when: the handshake, the queue of requests that wait for their answers, and the
/// end. It does no I/O and reads no clock; what is to be done it returns.
///
/// Answers come in the order of the commands. A connection that ends leaves the requests behind it with an unknown
/// outcome, which their senders are told.
struct RedisConnectionStateMachine<Request> {
  private enum Phase {
    case connecting
    case handshake
    case ready
    case ended
  }

  private enum Expected {
    /// The answer to a step of the handshake, by its name.
    case handshake(String)
    case request(Request)
  }

  private var phase = Phase.connecting
  private var expected = CircularBuffer<(Expected, deadline: NIODeadline)>()
  private let commandTimeout: TimeAmount
  private let pendingMax: Int

  init(commandTimeout: TimeAmount, pendingMax: Int = RedisLimits.pendingMax) {
    self.commandTimeout = commandTimeout
    self.pendingMax = pendingMax
  }

  /// When the oldest answer that is still to come will be overdue; nil where none is.
  var nextDeadline: NIODeadline? { expected.first?.deadline }

  /// The channel is there.
  ///
  /// - Returns: the commands of the handshake, to be sent at once.
  mutating func connected(configuration: RedisConfiguration, now: NIODeadline) -> [RedisCommand] {
    guard case .connecting = phase else { preconditionFailure("a channel becomes active once") }
    phase = .handshake
    var commands: [RedisCommand] = []
    func add(_ name: String, _ command: RedisCommand) {
      expected.append((.handshake(name), deadline: now + commandTimeout))
      commands.append(command)
    }
    if let password = configuration.password {
      add("AUTH", configuration.username.map { RedisCommand("AUTH", $0, password) } ?? RedisCommand("AUTH", password))
    }
    if configuration.database != 0 { add("SELECT", RedisCommand("SELECT", configuration.database)) }
    // Says whether a password is missing and whether Redis is still loading.
    add("PING", RedisCommand("PING"))
    return commands
  }

  enum SubmitAction {
    case send
    /// Nothing was sent.
    case refuse(cause: String)
  }

  /// A request is to be sent. Only after ``ReceiveAction/becomeReady``.
  mutating func submit(_ request: Request, now: NIODeadline) -> SubmitAction {
    switch phase {
    case .connecting, .handshake: preconditionFailure("requests wait until the handshake is over")
    case .ended: return .refuse(cause: "the connection was closed")
    case .ready:
      guard expected.count < pendingMax else { return .refuse(cause: "\(pendingMax) requests wait for answers") }
      expected.append((.request(request), deadline: now + commandTimeout))
      return .send
    }
  }

  enum ReceiveAction {
    case none
    /// The handshake is over: send requests.
    case becomeReady
    case answer(Request, RedisReply)
    /// The same, and the connection is of no more use.
    case answerAndClose(Request, RedisReply, cause: String)
    case close(cause: String)
  }

  mutating func receive(_ reply: RedisReply) -> ReceiveAction {
    if case .ended = phase { return .none }
    guard let (expected, _) = expected.popFirst() else {
      return .close(cause: "an answer came that nothing was asked for")
    }
    switch expected {
    case .handshake(let step):
      if case .error(let error) = reply { return .close(cause: "\(step) was refused: \(error.text)") }
      guard self.expected.isEmpty else { return .none }
      phase = .ready
      return .becomeReady
    case .request(let request):
      if case .error(let error) = reply, error.condemnsConnection {
        return .answerAndClose(request, reply, cause: error.text)
      }
      return .answer(request, reply)
    }
  }

  /// Whether an answer is overdue, so that the connection is to be closed.
  func isOverdue(now: NIODeadline) -> Bool {
    nextDeadline.map { $0 <= now } ?? false
  }

  /// The connection is over, or is given up.
  ///
  /// - Returns: the requests that get no answer any more; whether Redis has done what they ask is unknown.
  mutating func end() -> [Request] {
    phase = .ended
    defer { expected.removeAll() }
    return expected.compactMap { expected in
      if case .request(let request) = expected.0 { request } else { nil }
    }
  }
}
