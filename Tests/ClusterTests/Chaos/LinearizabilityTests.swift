import CairnTestSupport
import Testing

/// The judge is judged first: histories that are known to be good or bad.
@Suite("chaos: histories") struct LinearizabilityTests {
  typealias Operation = History.Operation

  struct Case: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let operations: [Operation]

    init(_ description: String, _ operations: Operation...) {
      testDescription = description
      self.operations = operations
    }
  }

  private static func at(
    _ invoked: UInt64, _ completed: UInt64, _ action: Operation.Action, _ outcome: Operation.Outcome
  ) -> Operation {
    Operation(client: 0, name: "a", action, outcome, invoked: invoked, completed: completed)
  }

  static let good: [Case] = [
    Case("nothing"),
    Case("a name that was never written", at(0, 1, .get, .absent), at(2, 3, .delete, .absent)),
    Case("one after the other", at(0, 1, .put(1), .created), at(2, 3, .get, .found(1)), at(4, 5, .delete, .deleted)),
    Case("a write that doesn't know what it replaced", at(0, 1, .put(1), .created), at(2, 3, .put(2), .created)),
    Case("a read sees a write under way", at(0, 9, .put(1), .created), at(1, 2, .get, .found(1))),
    Case(
      "two reads order two writes", at(0, 9, .put(1), .created), at(0, 9, .put(2), .replaced),
      at(1, 2, .get, .found(1)), at(3, 4, .get, .found(2))),
    Case("no answer, never happened", at(0, 1, .put(1), .unknown), at(2, 3, .get, .absent)),
    Case(
      "no answer, happened late", at(0, 1, .put(1), .unknown), at(2, 3, .get, .absent), at(4, 5, .get, .found(1))),
    Case(
      "a deletion without an answer that happened", at(0, 1, .put(1), .created), at(2, 3, .delete, .unknown),
      at(4, 5, .put(2), .created)),
    Case("one of two wins", at(0, 5, .putIfAbsent(1), .created), at(0, 5, .putIfAbsent(2), .refused)),
    Case(
      "an unanswered winner", at(0, 5, .putIfAbsent(1), .unknown), at(0, 5, .putIfAbsent(2), .refused),
      at(6, 7, .get, .found(1))),
    Case(
      "a conditional write", at(0, 1, .put(1), .created), at(2, 5, .replace(1, by: 2), .replaced),
      at(2, 5, .replace(1, by: 3), .refused), at(6, 7, .get, .found(2))),
    Case(
      "a value that nobody read replaces another one late", at(0, 1, .put(1), .created), at(2, 30, .put(2), .replaced),
      at(3, 4, .delete, .deleted), at(5, 6, .put(3), .created), at(7, 8, .get, .found(3)),
      at(9, 10, .replace(3, by: 4), .refused)),
    Case("a list", at(0, 1, .list, .absent), at(0, 5, .put(1), .created), at(2, 3, .list, .present)),
  ]

  static let bad: [Case] = [
    Case("an acknowledged write is gone", at(0, 1, .put(1), .created), at(2, 3, .get, .absent)),
    Case(
      "a deleted value is back", at(0, 1, .put(1), .created), at(2, 3, .delete, .deleted), at(4, 5, .get, .found(1))),
    Case(
      "an older value is back", at(0, 1, .put(1), .created), at(2, 3, .put(2), .replaced), at(4, 5, .get, .found(1))),
    Case(
      "reads go back in time", at(0, 9, .put(1), .created), at(1, 2, .get, .found(1)), at(3, 4, .get, .absent)),
    Case("a read before the write", at(0, 1, .get, .found(1)), at(2, 3, .put(1), .created)),
    Case("a value that nobody wrote", at(0, 1, .get, .found(1))),
    Case("replaced nothing", at(0, 1, .put(1), .replaced), at(2, 3, .get, .found(1))),
    Case("two winners", at(0, 5, .putIfAbsent(1), .created), at(0, 5, .putIfAbsent(2), .created)),
    Case(
      "a refused write happened", at(0, 1, .put(1), .created), at(2, 3, .putIfAbsent(2), .refused),
      at(4, 5, .get, .found(2))),
    Case("refused by nobody", at(0, 1, .putIfAbsent(1), .refused)),
    Case(
      "two replaced the same version", at(0, 1, .put(1), .created), at(2, 5, .replace(1, by: 2), .replaced),
      at(2, 5, .replace(1, by: 3), .replaced)),
    Case(
      "an unanswered write happened twice", at(0, 1, .put(1), .unknown), at(2, 3, .get, .found(1)),
      at(4, 5, .put(2), .replaced), at(6, 7, .get, .found(1))),
    Case("a list without the name", at(0, 1, .put(1), .created), at(2, 3, .list, .absent)),
  ]

  @Test(arguments: good) func aPossibleHistoryIsAccepted(_ history: Case) {
    #expect(Linearizability.check(history.operations) == .possible)
  }

  @Test(arguments: bad) func anImpossibleHistoryIsFound(_ history: Case) {
    guard case .impossible = Linearizability.check(history.operations) else {
      Issue.record("accepted")
      return
    }
  }

  /// Histories of a real register, with answers lost at random, are accepted; with one read changed they are not.
  @Test(arguments: 0..<20) func randomHistoriesAreJudgedRightAndSoon(seed: UInt64) {
    var random = SeededRandom(seed: seed)
    var (value, clock) = (0, UInt64(100))
    var history: [Operation] = []
    for number in 1...120 {
      clock += 10
      // Calls and answers lie up to six operations away from the moment of effect.
      let invoked = clock - .random(in: 0...60, using: &random)
      let completed = clock + .random(in: 0...60, using: &random)
      let isLost = Int.random(in: 0..<12, using: &random) == 0
      switch Int.random(in: 0..<4, using: &random) {
      case 0:
        history.append(
          Self.at(invoked, completed, .put(number), isLost ? .unknown : value == 0 ? .created : .replaced))
        if !isLost || .random(using: &random) { value = number }
      case 1:
        history.append(Self.at(invoked, completed, .delete, isLost ? .unknown : value == 0 ? .absent : .deleted))
        if !isLost || .random(using: &random) { value = 0 }
      default: history.append(Self.at(invoked, completed, .get, value == 0 ? .absent : .found(value)))
      }
    }
    #expect(Linearizability.check(history) == .possible)
    history.append(Self.at(clock + 100, clock + 110, .get, .found(1000)))
    guard case .impossible = Linearizability.check(history) else {
      Issue.record("a value that nobody wrote was accepted")
      return
    }
  }
}
