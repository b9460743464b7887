import CairnHTTP
import CairnRepair
import NIOCore
import NIOPosix
import Testing

@Suite struct BandwidthLimitTests {
  private static let rounds = 2000

  private static var isOnLoop: Bool { MultiThreadedEventLoopGroup.currentEventLoop != nil }

  /// How often a task is elsewhere after its turn than before.
  private static func strays(_ limit: BandwidthLimit, onLoop: Bool) async throws -> Int {
    var count = 0
    for _ in 0..<rounds {
      try await limit.take(1000)
      if isOnLoop != onLoop { count += 1 }
      await Task.yield()
    }
    return count
  }

  @Test func tasksStayOnTheirThreads() async throws {
    let limit = BandwidthLimit(bytesPerSecond: 100_000_000)
    let client = HTTPClient(group: .singleton, timeouts: .init(connect: .seconds(60), idle: .seconds(60)))
    let counts = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<4 {
        group.addTask { await client.onEventLoop { (try? await Self.strays(limit, onLoop: true)) ?? -1 } }
        group.addTask { try await Self.strays(limit, onLoop: false) }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(counts == Array(repeating: 0, count: 8))
  }

  @Test func allTogetherKeepToTheRate() async throws {
    let limit = BandwidthLimit(bytesPerSecond: 1_000_000)
    let start = ContinuousClock.now
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<10 { group.addTask { for _ in 0..<3 { try await limit.take(10_000) } } }
      try await group.waitForAll()
    }
    // The first one goes at once, and each of the others after 10 ms more.
    #expect(ContinuousClock.now - start >= .milliseconds(290))
  }
}
