import Synchronization

/// What clients asked of the names and what they were told: the evidence that a run is judged by.
final class History: Sendable {
  struct Operation: Sendable, CustomStringConvertible {
    enum Action: Hashable, Sendable {
      /// Values are the numbers of ``ChaosValue``s; each is written once.
      case put(Int)
      case putIfAbsent(Int)
      case replace(Int, by: Int)
      case delete
      case get
      /// Whether the name is in a list.
      case list
    }

    enum Outcome: Hashable, Sendable {
      /// A write that found no value.
      case created
      /// A write that found a value.
      case replaced
      case deleted
      /// The condition of a write was not met.
      case refused
      case found(Int)
      /// In a list.
      case present
      case absent
      /// No answer, or one that does not tell: the write may take effect at any later time, or never.
      case unknown
    }

    let client: Int
    let name: String
    let action: Action
    let outcome: Outcome
    /// Nanoseconds of the monotonic clock.
    let invoked: UInt64
    /// `UInt64.max` where the outcome is unknown.
    let completed: UInt64

    init(client: Int, name: String, _ action: Action, _ outcome: Outcome, invoked: UInt64, completed: UInt64) {
      self.client = client
      self.name = name
      self.action = action
      self.outcome = outcome
      self.invoked = invoked
      self.completed = outcome == .unknown ? .max : completed
    }

    var isWrite: Bool { action != .get && action != .list }

    var description: String {
      let end = completed == .max ? "…" : Self.milliseconds(completed)
      return "\(Self.milliseconds(invoked))–\(end) ms, client \(client): \(action) → \(outcome)"
    }

    private static func milliseconds(_ nanoseconds: UInt64) -> String {
      "\(Double(nanoseconds / 10_000) / 100)"
    }
  }

  private let start = ContinuousClock.now
  private let operations = Mutex<[String: [Operation]]>([:])

  /// Nanoseconds since this history began.
  var now: UInt64 {
    let passed = (ContinuousClock.now - start).components
    return UInt64(passed.seconds) * 1_000_000_000 + UInt64(passed.attoseconds / 1_000_000_000)
  }

  /// Adds an operation that has ended. Reads without an answer tell nothing, and are left out.
  func add(_ operation: Operation) {
    guard operation.isWrite || operation.outcome != .unknown else { return }
    operations.withLock { $0[operation.name, default: []].append(operation) }
  }

  var byName: [String: [Operation]] { operations.withLock { $0 } }

  /// Names whose last value that was read was acknowledged to its writer.
  var acknowledgedNames: Set<String> {
    Set(
      byName.compactMap { name, operations in
        var value: Int?
        for case .found(let found) in operations.map(\.outcome) { value = found }
        let isAcknowledged = operations.contains { $0.outcome != .unknown && $0.isWrite && $0.valueWritten == value }
        return value != nil && isAcknowledged ? name : nil
      })
  }

  /// Says of each name whose operations have no order that explains them what does not fit.
  func problems() -> [String] {
    byName.sorted { $0.key < $1.key }.compactMap { name, operations in
      switch Linearizability.check(operations) {
      case .possible: nil
      case .impossible(let explanation): "\(name) is not linearizable: \(explanation)"
      case .undecided: "\(name): too many orders of \(operations.count) operations to decide"
      }
    }
  }
}
