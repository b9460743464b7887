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
    let log = EventLog()
    let early = barrier.enter()
    let settling = Task {
      await barrier.settle()
      log.add("settled")
    }
    // That it has begun shows when a write counts on the other side.
    var late = barrier.enter()
    while late == early {
      barrier.leave(late)
      await Task.yield()
      late = barrier.enter()
    }
    log.add("early leaves")
    barrier.leave(early)
    await settling.value
    #expect(log.events == ["early leaves", "settled"])
    barrier.leave(late)
    await barrier.settle()
  }
}

private final class EventLog: Sendable {
  private let entries = Mutex<[String]>([])

  var events: [String] { entries.withLock { $0 } }

  func add(_ event: String) {
    entries.withLock { $0.append(event) }
  }
}
