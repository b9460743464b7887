/// Tells whether a failure of something that is tried again and again is worth another line in the log.
package struct RepeatedFailure {
  /// For so long the same failure is not told again.
  private static let pause: Duration = .seconds(60)

  private var told: (text: String, at: ContinuousClock.Instant)?

  package init() {}

  /// - Returns: whether this failure is another one than the last, or that was told long ago.
  package mutating func isNews(_ text: String, at now: ContinuousClock.Instant = .now) -> Bool {
    if let told, told.text == text, now - told.at < Self.pause { return false }
    told = (text, now)
    return true
  }

  /// It has worked again: the next failure is news.
  package mutating func end() {
    told = nil
  }
}
