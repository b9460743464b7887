internal import NIOHTTP1

/// The life of a server connection: what a request allows, and what happens after its answer.
struct HTTPConnectionState {
  /// A request that is being answered.
  struct Exchange {
    var keepAlive: Bool
    let isHead: Bool
    let isVersion10: Bool
    /// Bytes of the body that have not come yet; nil when chunked.
    var bodyRemaining: UInt64?
    var bodyComplete: Bool
    /// The client waits for `100 Continue`.
    var expectsContinue: Bool
    var answerStarted = false
  }

  enum Phase {
    case waitingForRequest
    case answering(Exchange)
    /// The answer is out, the rest of the body is thrown away.
    case draining(bytesLeft: Int)
    /// The answer is out, the output is closed, input is thrown away.
    case lingering
    case closed
  }

  enum HeadAction: Equatable {
    case answer(sendContinue: Bool)
    case reject(status: HTTPResponseStatus, detail: String)
  }

  struct AnswerPlan: Equatable {
    var sendContinue: Bool
    var keepAlive: Bool
  }

  enum EndAction: Equatable {
    case nextRequest
    case drain
    case linger
    case close
  }

  private(set) var phase: Phase = .waitingForRequest
  private var stopping = false

  var exchange: Exchange? {
    if case .answering(let exchange) = phase { exchange } else { nil }
  }

  // MARK: Request

  /// - Parameter head: comes back with values without blanks around them, and a target that begins with a slash.
  mutating func received(head: inout HTTPRequestHead) -> HeadAction {
    guard case .waitingForRequest = phase else { preconditionFailure("a request head within a request") }
    let fields = RequestFields(head.headers)
    // The decoder takes what follows a request for an upgrade for another protocol, so there can be no next request.
    let keepAlive = head.isKeepAlive && !fields.asksForUpgrade && head.method != .CONNECT
    if fields.hasPaddedValues { head.headers = head.headers.trimmed() }
    var bodyRemaining: UInt64? = 0
    if fields.coding != .none { bodyRemaining = nil }
    if case .bytes(let count) = fields.bodyLength, bodyRemaining != nil { bodyRemaining = count }
    var exchange = Exchange(
      keepAlive: keepAlive && !stopping, isHead: head.method == .HEAD, isVersion10: head.version != .http1_1,
      bodyRemaining: bodyRemaining, bodyComplete: false,
      expectsContinue: fields.expectsContinue && head.version == .http1_1)
    if let problem = Self.problem(of: &head, fields) {
      exchange.expectsContinue = false
      exchange.keepAlive = false
      phase = .answering(exchange)
      return problem
    }
    // A body without bytes is never asked for, and yet its client waits for the word.
    let sendContinue = exchange.expectsContinue && exchange.bodyRemaining == 0
    if sendContinue { exchange.expectsContinue = false }
    phase = .answering(exchange)
    return .answer(sendContinue: sendContinue)
  }

  /// No request can be found in what came; it is answered all the same, and the connection is closed.
  mutating func receivedNoRequest() {
    guard case .waitingForRequest = phase else { preconditionFailure("a request that fails within another") }
    phase = .answering(
      Exchange(
        keepAlive: false, isHead: false, isVersion10: true, bodyRemaining: 0, bodyComplete: false,
        expectsContinue: false))
  }

  private static func problem(of head: inout HTTPRequestHead, _ fields: RequestFields) -> HeadAction? {
    if head.headers.count > HTTPServerLimits.headerCountMax {
      return .reject(
        status: .requestHeaderFieldsTooLarge,
        detail: "The request has \(head.headers.count) headers, at most \(HTTPServerLimits.headerCountMax) are allowed")
    }
    let bytes = fields.bytes + head.uri.utf8.count
    if bytes > HTTPServerLimits.headerBytesMax {
      return .reject(
        status: .requestHeaderFieldsTooLarge,
        detail: "The request's headers have \(bytes) bytes, at most \(HTTPServerLimits.headerBytesMax) are allowed")
    }
    if let name = fields.foldedField {
      return .reject(
        status: .badRequest, detail: "The value of '\(name)' goes on in a second line: send it in one line")
    }
    if let problem = framingProblem(head.version, fields) { return problem }
    if head.version == .http1_1, fields.hostCount != 1 {
      return .reject(status: .badRequest, detail: "An HTTP/1.1 request must have exactly one Host header")
    }
    // Each reader would have to choose the same one.
    if fields.authorizationCount > 1 {
      return .reject(status: .badRequest, detail: "A request can have only one Authorization header")
    }
    if !head.takeAuthorityFromTarget() {
      return .reject(
        status: .badRequest, detail: "The request's target must begin with '/' or 'http://', and is '\(head.uri)'")
    }
    return nil
  }

  /// What makes the end of the body uncertain, or its bytes others than they seem.
  private static func framingProblem(_ version: HTTPVersion, _ fields: RequestFields) -> HeadAction? {
    // Both at once is how requests are smuggled past proxies (RFC 9112, section 6.3).
    if fields.coding != .none, fields.bodyLength != .none {
      return .reject(status: .badRequest, detail: "The request has both Content-Length and Transfer-Encoding")
    }
    if fields.coding != .none, version != .http1_1 {
      return .reject(status: .badRequest, detail: "HTTP/1.0 has no Transfer-Encoding: send a Content-Length")
    }
    if case .others(let codings) = fields.coding {
      guard RequestFields.areAllChunked(codings) else {
        return .reject(
          status: .notImplemented, detail: "The only Transfer-Encoding supported is 'chunked', not '\(codings)'")
      }
      return .reject(status: .badRequest, detail: "The request's Transfer-Encoding names 'chunked' more than once")
    }
    if fields.bodyLength == .malformed {
      return .reject(status: .badRequest, detail: "The request's Content-Length is not one number")
    }
    return nil
  }

  mutating func received(bodyBytes count: Int) {
    guard case .answering(var exchange) = phase else { return }
    exchange.bodyRemaining = exchange.bodyRemaining.map { $0 - min($0, UInt64(count)) }
    phase = .answering(exchange)
  }

  /// The body can't be read to its end, so nothing after it can be found.
  mutating func bodyFailed() {
    guard case .answering(var exchange) = phase else { return }
    exchange.keepAlive = false
    phase = .answering(exchange)
  }

  mutating func receivedEnd() {
    guard case .answering(var exchange) = phase else { return }
    exchange.bodyComplete = true
    phase = .answering(exchange)
  }

  /// The responder asks for bytes of the body: true when `100 Continue` must be sent first.
  mutating func bodyWanted() -> Bool {
    guard case .answering(var exchange) = phase, exchange.expectsContinue, !exchange.answerStarted else { return false }
    exchange.expectsContinue = false
    phase = .answering(exchange)
    return true
  }

  // MARK: Answer

  mutating func beginAnswer(_ status: HTTPResponseStatus) -> AnswerPlan {
    guard case .answering(var exchange) = phase, !exchange.answerStarted else {
      preconditionFailure("an answer without a request")
    }
    exchange.answerStarted = true
    // A client that was refused without `100 Continue` may or may not send its body: only closing is safe.
    let refused = exchange.expectsContinue && status.code >= 400
    let sendContinue = exchange.expectsContinue && !refused
    exchange.expectsContinue = false
    let drainable =
      exchange.bodyComplete || exchange.bodyRemaining.map { $0 <= HTTPServerLimits.drainBytesMax } ?? false
    let keepAlive = exchange.keepAlive && !stopping && !refused && drainable
    phase = .answering(exchange)
    return AnswerPlan(sendContinue: sendContinue, keepAlive: keepAlive)
  }

  mutating func endAnswer(keepAlive: Bool) -> EndAction {
    guard case .answering(let exchange) = phase else { return .close }
    switch (keepAlive && !stopping, exchange.bodyComplete) {
    case (true, true):
      phase = .waitingForRequest
      return .nextRequest
    case (true, false):
      phase = .draining(bytesLeft: HTTPServerLimits.drainBytesMax)
      return .drain
    case (false, true):
      phase = .closed
      return .close
    case (false, false):
      phase = .lingering
      return .linger
    }
  }

  /// A part of the body that nobody reads came in: false when that was too much.
  mutating func drained(_ count: Int) -> Bool {
    guard case .draining(let bytesLeft) = phase, bytesLeft >= count else { return false }
    phase = .draining(bytesLeft: bytesLeft - count)
    return true
  }

  mutating func drainedToEnd() {
    if case .draining = phase { phase = .waitingForRequest }
  }

  // MARK: Closing

  /// The server stops: the request that is being answered is the last. True when there is none.
  mutating func stop() -> Bool {
    stopping = true
    if case .waitingForRequest = phase { return true }
    return false
  }

  mutating func close() {
    phase = .closed
  }
}
