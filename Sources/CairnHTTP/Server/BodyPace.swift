internal import NIOCore

/// Judges whether a client sends a body fast enough, by the time for which the server has waited for it: while the client
/// waits for the server, no time passes.
///
/// A client is too slow when the server has waited for a whole period and fewer bytes came than the rate asks for. When
/// enough have come, another period begins.
struct BodyPace {
  private let bytesMin: Int
  private let period: TimeAmount
  private var bytes = 0
  private var waited: TimeAmount = .zero
  private var waitingSince: NIODeadline?

  init(_ limits: HTTPServerLimits) {
    period = limits.uploadRatePeriod
    let (bytes, isTooMany) = limits.uploadRateMin.multipliedReportingOverflow(by: Int(period.nanoseconds / 1_000_000))
    bytesMin = isTooMany ? .max : bytes / 1000
  }

  /// Another body begins.
  mutating func restart() {
    bytes = 0
    waited = .zero
    waitingSince = nil
  }

  /// The server waits from now on.
  ///
  /// - Returns: for how long it may at most, unless something comes.
  mutating func wait(from now: NIODeadline) -> TimeAmount {
    waitingSince = now
    return bytesMin > 0 ? period - waited : .nanoseconds(.max)
  }

  /// The server waits no longer.
  mutating func stopWaiting(at now: NIODeadline) {
    guard let start = waitingSince else { return }
    waitingSince = nil
    waited = waited + (now - start)
  }

  mutating func received(_ count: Int) {
    bytes += count
    guard bytes >= bytesMin else { return }
    bytes = 0
    waited = .zero
  }

  var isTooSlow: Bool { bytesMin > 0 && waited >= period }
}
