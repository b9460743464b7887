internal import NIOCore

/// How long to wait before the next attempt: twice as long each time, up to a bound, and scattered so that the clients
/// of a Redis that comes back don't all come at once.
struct RedisBackoff {
  static let delayMin = TimeAmount.milliseconds(100)
  static let delayMax = TimeAmount.seconds(5)

  private var next = delayMin

  mutating func reset() {
    next = Self.delayMin
  }

  /// - Returns: between half of the step and all of it.
  mutating func delay(using random: inout some RandomNumberGenerator) -> TimeAmount {
    defer { next = min(next * 2, Self.delayMax) }
    return .nanoseconds(.random(in: next.nanoseconds / 2...next.nanoseconds, using: &random))
  }
}
