/// What did not become true in time.
package struct NotInTime: Error, CustomStringConvertible {
  package let description: String

  package init(description: String) {
    self.description = description
  }
}

/// Asks again and again, without a guess how long it takes.
///
/// - Throws: ``NotInTime`` after `limit`.
package func eventually(
  _ what: String, within limit: Duration = .seconds(60), every pause: Duration = .milliseconds(10),
  _ condition: () async throws -> Bool
) async throws {
  _ = try await eventually(what, within: limit, every: pause) { try await condition() ? true : nil }
}

/// As above, for a condition that comes with a value.
package func eventually<Value>(
  _ what: String, within limit: Duration = .seconds(60), every pause: Duration = .milliseconds(10),
  _ value: () async throws -> Value?
) async throws -> Value {
  let deadline = ContinuousClock.now + limit
  while true {
    if let value = try await value() { return value }
    guard ContinuousClock.now < deadline else { throw NotInTime(description: "not in \(limit): \(what)") }
    try await Task.sleep(for: pause)
  }
}
