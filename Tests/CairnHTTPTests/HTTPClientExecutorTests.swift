import CairnHTTP
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// Where the tasks of requests run.
@Suite struct HTTPClientExecutorTests {
  /// An actor whose thread, when a task waits inside it, goes on with the next task, which keeps it when it leaves.
  private actor Door {
    private let isHeld = Atomic(false)

    func hold() async {
      // From here on the actor has a turn of its own, instead of a part of its caller's.
      await Task.yield()
      isHeld.store(true, ordering: .releasing)
      // Long enough for the other task to ask.
      let end = NIODeadline.now() + .milliseconds(2)
      while NIODeadline.now() < end {}
      await Task.yield()
    }

    nonisolated func waitUntilHeld() async {
      while !isHeld.load(ordering: .acquiring) { await Task.yield() }
    }

    func pass() {}
  }

  private static var isOnLoop: Bool { MultiThreadedEventLoopGroup.currentEventLoop != nil }

  @Test func aTaskThatIsOnALoopByChanceIsBroughtToOne() async throws {
    let client = HTTPClient(group: .singleton, timeouts: .init(connect: .seconds(60), idle: .seconds(60)))
    var wasOnLoop = false
    // The two may miss one another.
    for _ in 0..<100 where !wasOnLoop {
      let door = Door()
      async let holder: Void = client.onEventLoop { await door.hold() }
      wasOnLoop = await Task {
        await door.waitUntilHeld()
        await door.pass()
        let wasOnLoop = Self.isOnLoop
        let stays = await client.onEventLoop {
          await Task.yield()
          return Self.isOnLoop
        }
        #expect(stays)
        return wasOnLoop
      }.value
      await holder
    }
  }
}
