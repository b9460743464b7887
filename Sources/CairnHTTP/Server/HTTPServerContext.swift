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
  let executors: EventLoopExecutors
  let requestIDs = RequestIDs()
  let date = DateHeader()

  init(
    responder: any HTTPResponder, limits: HTTPServerLimits,
    refusal: @escaping @Sendable (HTTPResponseStatus, String) -> HTTPResponse, executors: EventLoopExecutors,
    logger: Logger
  ) {
    self.executors = executors
    self.responder = responder
    self.limits = limits
    self.refusal = refusal
    self.logger = logger
  }

  /// The handlers of a connection, from the socket on.
  func handlers(on eventLoop: any EventLoop) -> [any ChannelHandler] {
    let feed = DecoderFeed()
    return [
      feed, ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)),
      HTTPServerHandler(context: self, feed: feed, eventLoop: eventLoop),
    ]
  }
}

/// Told to every connection when the server stops.
struct HTTPServerStopping {}

/// Makes the ids of requests: random per process, counted within it.
final class RequestIDs: Sendable {
  /// Hexadecimal digits.
  private static let length = 16

  private let last = Atomic<UInt64>(UInt64.random(in: 0 ... .max))

  func next() -> String {
    let number = last.wrappingAdd(1, ordering: .relaxed).newValue
    // Digit by digit: it stands in every answer, and `String(_:radix:)` costs more than the rest of an id.
    return String(unsafeUninitializedCapacity: Self.length) { digits in
      for index in 0..<Self.length {
        let digit = UInt8(truncatingIfNeeded: number >> UInt64(4 * (Self.length - 1 - index))) & 0xF
        digits[index] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
      }
      return Self.length
    }
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
