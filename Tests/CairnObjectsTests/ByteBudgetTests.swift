import CairnModel
import CairnTestSupport
import Synchronization
import Testing

@Suite struct ByteBudgetTests {
  private let a = BudgetClient.key("a")
  private let b = BudgetClient.address("b")
  private let c = BudgetClient.server

  /// Who was admitted, in order.
  private final class Admitted: Sendable {
    private let names = Mutex<[String]>([])

    var inOrder: [String] { names.withLock { $0 } }

    func add(_ name: String) { names.withLock { $0.append(name) } }
  }

  /// Lets somebody wait, and returns once they do.
  private func queue(
    _ name: String, _ count: Int, for client: BudgetClient, at budget: ByteBudget, _ admitted: Admitted
  ) async throws -> Task<Void, Never> {
    let before = budget.waiterCount
    let task = Task { if await budget.take(count, for: client) { admitted.add(name) } }
    try await eventually("\(name) waits") { budget.waiterCount == before + 1 }
    return task
  }

  @Test func waitersGetWhatIsGivenBack() async {
    let budget = ByteBudget(bytes: 10)
    #expect(await budget.take(10))
    let waiting = Task { await budget.take(8) }
    budget.giveBack(10)
    #expect(await waiting.value)
    #expect(await budget.take(2))
    budget.giveBack(10)
    #expect(budget.free == 10)
  }

  @Test func impatientWaitersAreRefused() async {
    let budget = ByteBudget(bytes: 10, patience: .milliseconds(20))
    #expect(await budget.take(10))
    #expect(await budget.take(1) == false)
    budget.giveBack(10)
    #expect(await budget.take(10))
  }

  @Test func cancelledWaitersAreRefused() async {
    let budget = ByteBudget(bytes: 1)
    #expect(await budget.take(1))
    let waiting = Task { await budget.take(1) }
    waiting.cancel()
    #expect(await waiting.value == false)
    budget.giveBack(1)
    #expect(budget.free == 1)
  }

  @Test func moreThanThereIsIsRefusedAtOnce() async {
    let budget = ByteBudget(bytes: 10)
    #expect(await budget.take(11) == false)
    #expect(await budget.take(.max) == false)
  }

  @Test func freeBytesGoToTheClientThatHoldsTheLeast() async throws {
    let budget = ByteBudget(bytes: 10)
    #expect(await budget.take(6, for: a))
    #expect(await budget.take(3, for: b))
    #expect(await budget.take(1, for: c))
    let admitted = Admitted()
    var tasks: [Task<Void, Never>] = []
    tasks.append(try await queue("a", 1, for: a, at: budget, admitted))
    tasks.append(try await queue("b1", 1, for: b, at: budget, admitted))
    tasks.append(try await queue("b2", 1, for: b, at: budget, admitted))
    tasks.append(try await queue("c", 1, for: c, at: budget, admitted))
    for count in 1...4 {
      budget.giveBack(1, for: a)
      try await eventually("somebody is admitted") { admitted.inOrder.count == count }
    }
    // Each time a has given another byte back; before the third one it holds less than b.
    #expect(admitted.inOrder == ["c", "b1", "a", "b2"])
    for task in tasks { await task.value }
  }

  @Test func aLargeWishIsNotOvertakenBySmallOnes() async throws {
    let budget = ByteBudget(bytes: 10)
    #expect(await budget.take(10, for: c))
    let admitted = Admitted()
    let large = try await queue("large", 8, for: a, at: budget, admitted)
    let small = try await queue("small", 1, for: b, at: budget, admitted)
    budget.giveBack(7, for: c)
    #expect(!budget.takeAtOnce(1, for: b), "nobody gets past those who wait")
    #expect(admitted.inOrder.isEmpty)
    budget.giveBack(3, for: c)
    await large.value
    await small.value
    #expect(admitted.inOrder.count == 2)
  }

  @Test func aClientWithMoreThanItsShareYieldsWhileOthersWait() async throws {
    let budget = ByteBudget(bytes: 10)
    #expect(await budget.take(8, for: a))
    #expect(await budget.take(2, for: b))
    #expect(!budget.mustYield(a), "nobody waits")
    let admitted = Admitted()
    let own = try await queue("a", 1, for: a, at: budget, admitted)
    #expect(!budget.mustYield(a), "only its own bodies wait")
    let other = try await queue("c", 4, for: c, at: budget, admitted)
    #expect(budget.mustYield(a) && !budget.mustYield(b))
    budget.giveBack(6, for: a)
    await other.value
    await own.value
    #expect(!budget.mustYield(a))
  }

  /// Many bodies of a few clients come and go in a random order, and all that was taken is there again at the end.
  @Test func whatIsTakenAndGivenBackAddsUp() async {
    let budget = ByteBudget(bytes: 1000, patience: .seconds(600))
    await withTaskGroup(of: Void.self) { group in
      for index in 0..<200 {
        group.addTask {
          let client = BudgetClient.key("\(index % 7)")
          for round in 1...5 {
            let count = (index * 37 + round * 101) % 400 + 1
            guard await budget.take(count, for: client) else {
              Issue.record("refused")
              return
            }
            let more = budget.takeAtOnce(50, for: client) ? 50 : 0
            await Task.yield()
            budget.giveBack(count + more, for: client)
          }
        }
      }
    }
    #expect(budget.free == 1000 && budget.waiterCount == 0)
    #expect(await budget.take(1000))
  }
}
