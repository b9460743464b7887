/// How often, and after which pauses, something is tried anew that may go away by itself.
package struct RetryPolicy: Hashable, Sendable {
  private static let firstPause: Duration = .milliseconds(200)
  /// Longer ones would only have somebody wait who could be told.
  private static let pauseMax: Duration = .seconds(10)

  /// Tries after the first one.
  package let retries: Int

  package init(retries: Int) {
    self.retries = retries
  }

  /// The pause before the next try; nil to give up.
  ///
  /// - Parameters:
  ///   - failures: so many in a row, at least one.
  ///   - asked: seconds that the server asked for.
  ///   - jitter: from 0 to 1, so that clients that failed together don't come back together.
  package func pause(failures: Int, asked: Int? = nil, jitter: Double) -> Duration? {
    guard failures <= retries else { return nil }
    let doubled = Self.firstPause * (1 << min(failures - 1, 16))
    let pause = min(doubled, Self.pauseMax) * (0.5 + jitter / 2)
    return max(pause, min(.seconds(asked ?? 0), Self.pauseMax))
  }

  /// Waits before the next try after a failure.
  ///
  /// - Throws: the error where it is not worth another try.
  func wait(after error: ClientError, failures: Int) async throws(ClientError) {
    var asked: Int?
    if case .busy(_, let seconds) = error { asked = seconds }
    guard error.isTransient, !Task.isCancelled,
      let pause = pause(failures: failures, asked: asked, jitter: .random(in: 0...1))
    else { throw error }
    do { try await Task.sleep(for: pause) } catch { throw .broken("interrupted") }
  }

  /// Does something until it works, or is not worth another try.
  func retrying<Value>(_ body: () async throws(ClientError) -> Value) async throws(ClientError) -> Value {
    var failures = 0
    while true {
      do throws(ClientError) { return try await body() } catch {
        failures += 1
        try await wait(after: error, failures: failures)
      }
    }
  }
}
