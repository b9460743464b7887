import CairnTestSupport
import Synchronization
import Testing

@testable import CairnNodeClient

/// Large records wait for their turn on the line to a node.
@Suite struct NodeLineTests {
  private static let length = NodeLine.bytesMax / 4

  private final class Entered: Sendable {
    private let indices = Mutex<[Int]>([])

    var all: [Int] { indices.withLock { $0 } }

    func add(_ index: Int) { indices.withLock { $0.append(index) } }
  }

  @Test func fewRecordsAreOnTheirWayAtOnceInTheirOrder() async throws {
    let line = NodeLine()
    let entered = Entered()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<4 { #expect(await line.enter(Self.length), "\(index)") }
      for index in 4..<8 {
        group.addTask {
          #expect(await line.enter(Self.length))
          entered.add(index)
        }
        // In this order.
        try await eventually("it waits") { line.waiterCount == index - 3 }
      }
      for count in 0..<4 {
        #expect(entered.all.count == count)
        line.leave(Self.length, failed: false)
        try await eventually("the next one goes") { entered.all.count == count + 1 }
      }
      try await group.waitForAll()
    }
    #expect(entered.all == [4, 5, 6, 7])
  }

  @Test func aRecordLargerThanTheLineGoesAlone() async {
    let line = NodeLine()
    #expect(await line.enter(NodeLine.bytesMax * 2))
    line.leave(NodeLine.bytesMax * 2, failed: false)
    #expect(await line.enter(1))
  }

  /// Each of them would wait for the same time-out, one after the other.
  @Test func whoWaitsForANodeThatFailsIsToldAtOnce() async throws {
    let line = NodeLine()
    #expect(await line.enter(NodeLine.bytesMax))
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<5 { group.addTask { await line.enter(Self.length) } }
      _ = try? await eventually("they wait") { line.waiterCount == 5 }
      line.leave(NodeLine.bytesMax, failed: true)
      for await isSent in group { #expect(!isSent) }
    }
    #expect(await line.enter(NodeLine.bytesMax), "nothing is left of it")
  }
}
