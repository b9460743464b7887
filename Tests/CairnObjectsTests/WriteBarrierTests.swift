import CairnModel
import Synchronization
import Testing

@testable import CairnObjects

@Suite struct WriteBarrierTests {
  @Test func settleReturnsAtOnceWithoutWrites() async {
    let barrier = WriteBarrier()
    await barrier.settle()
    await barrier.settle()
  }

  @Test func settleWaitsForEarlierWritesOnly() async {
    let barrier = WriteBarrier()
    let early = barrier.enter()
    let settled = Mutex(false)
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        await barrier.settle()
        settled.withLock { $0 = true }
      }
      // The turn-over is visible when a write counts on the other side.
      var late = barrier.enter()
      while late == early {
        barrier.leave(late)
        await Task.yield()
        late = barrier.enter()
      }
      #expect(settled.withLock { $0 } == false)
      barrier.leave(early)
      await group.waitForAll()
      #expect(settled.withLock { $0 })
      barrier.leave(late)
    }
    await barrier.settle()
  }
}

@Suite struct ByteBudgetTests {
  @Test func bytesAreGivenInOrder() async {
    let budget = ByteBudget(bytes: 10)
    #expect(await budget.take(10))
    let order = Mutex<[Int]>([])
    await withTaskGroup(of: Void.self) { group in
      group.addTask {
        #expect(await budget.take(8))
        order.withLock { $0.append(8) }
      }
      budget.giveBack(10)
      await group.waitForAll()
    }
    #expect(order.withLock { $0 } == [8])
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
  }
}
