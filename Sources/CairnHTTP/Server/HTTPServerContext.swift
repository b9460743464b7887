internal import Logging
internal import NIOCore
internal import NIOHTTP1
internal import Synchronization

/// What all connections of a server share.
final class HTTPServerContext: Sendable {
  let responder: any HTTPResponder
  let limits: HTTPServerLimits
  /// Renders an error that is found before any responder sees the request.
  let refusal: @Sendable (HTTPResponseStatus, String) -> HTTPResponse
  let logger: Logger
  let requestIDs = RequestIDs()
  let date = DateHeader()

  init(
    responder: any HTTPResponder, limits: HTTPServerLimits,
    refusal: @escaping @Sendable (HTTPResponseStatus, String) -> HTTPResponse, logger: Logger
  ) {
    self.responder = responder
    self.limits = limits
    self.refusal = refusal
    self.logger = logger
  }
}

/// Told to every connection when the server stops.
struct HTTPServerStopping {}

/// Makes the ids of requests: random per process, counted within it.
final class RequestIDs: Sendable {
  private let last = Atomic<UInt64>(UInt64.random(in: 0 ... .max))

  func next() -> String {
    let number = last.wrappingAdd(1, ordering: .relaxed).newValue
    let digits = String(number, radix: 16)
    return String(repeating: "0", count: 16 - digits.utf8.count) + digits
  }
}

/// The value of the `Date` header, made anew once a second.
final class DateHeader: Sendable {
  private let cached = Mutex<(second: Int, text: String)>((0, ""))

  func now() -> String {
    let second = HTTPDate.secondsNow()
    return cached.withLock { cached in
      if cached.second != second {
        cached = (second, HTTPDate.format(secondsSinceEpoch: second))
      }
      return cached.text
    }
  }
}
