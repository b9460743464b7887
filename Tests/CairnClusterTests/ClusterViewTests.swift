import CairnCatalog
import CairnModel
import CairnTestSupport
import Logging
import NIOPosix
import Synchronization
import Testing

@testable import CairnCluster

@Suite struct ClusterViewTests {
  /// A registry whose clock stands still until a test moves it.
  private struct Fixture {
    let folder: TemporaryFolder
    let registry: SQLiteCatalog
    let clock: Clock
    let view: ClusterView

    /// The one of the registry, which can be set, and one that only goes on.
    final class Clock: Sendable {
      private let milliseconds = Mutex<UInt64>(1_000_000_000_000)
      private let elapsed = Mutex<Duration>(.zero)
      private let start = ContinuousClock.now
      func now() -> Timestamp { Timestamp(clampingMillisecondsSinceEpoch: milliseconds.withLock { $0 }) }
      func uptime() -> ContinuousClock.Instant { start + elapsed.withLock { $0 } }
      func advance(seconds: UInt64) {
        milliseconds.withLock { $0 += seconds * 1000 }
        elapsed.withLock { $0 += .seconds(seconds) }
      }
      func jump(seconds: Int64) { milliseconds.withLock { $0 = UInt64(Int64($0) + seconds * 1000) } }
    }

    init() async throws {
      folder = try TemporaryFolder("view")
      let clock = Clock()
      self.clock = clock
      let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
      registry = try await SQLiteCatalog.open(
        path: folder.path + "/catalog.sqlite", threadPool: .singleton, logger: logger, now: { clock.now() })
      view = ClusterView(registry: registry, timeout: .seconds(90), logger: logger, now: { clock.uptime() })
    }

    func beat(_ node: NodeID) async throws {
      _ = try await registry.heartbeat(
        PlacementTests.report(available: 1 << 30, node: node), timeout: .seconds(90), takeOver: false)
    }
  }

  @Test func nodeIsActiveUntilItsHeartbeatIsTooOld() async throws {
    let fixture = try await Fixture()
    let node = NodeID.make()
    try await fixture.beat(node)
    fixture.clock.advance(seconds: 80)
    try await fixture.view.refresh()
    #expect(fixture.view.activeNodes.map(\.report.node) == [node])
    fixture.clock.advance(seconds: 11)
    try await fixture.view.refresh()
    #expect(!fixture.view.hasActiveNode)
    #expect(fixture.view.inactiveNodes.map(\.report.node) == [node])
    await fixture.registry.close()
  }

  /// The registry was slow, and what it said last is older than the time-out.
  @Test func nobodyTakesNodesForDeadThatWereNotLookedAtSince() async throws {
    let fixture = try await Fixture()
    let node = NodeID.make()
    try await fixture.beat(node)
    try await fixture.view.refresh()
    fixture.clock.advance(seconds: 91)
    #expect(await !fixture.view.waitForActiveNode(atMost: .seconds(1)), "it has sent no heartbeat since")
    try await fixture.beat(node)
    #expect(await fixture.view.waitForActiveNode(atMost: .seconds(1)))
    await fixture.registry.close()
  }

  /// Both a node that a request found out of reach, and one whose heartbeats stopped.
  @Test func aNodeIsLostLatelyForSoLong() async throws {
    let fixture = try await Fixture()
    let (dead, suspected) = (NodeID.make(), NodeID.make())
    for node in [dead, suspected] { try await fixture.beat(node) }
    try await fixture.view.refresh()
    #expect(!fixture.view.hasLostNode(within: .seconds(10)))
    fixture.view.suspect(suspected, because: "told to")
    fixture.clock.advance(seconds: 9)
    #expect(fixture.view.hasLostNode(within: .seconds(10)))
    fixture.clock.advance(seconds: 1)
    #expect(!fixture.view.hasLostNode(within: .seconds(10)))
    fixture.clock.advance(seconds: 80)
    #expect(fixture.view.hasLostNode(within: .seconds(10)), "its last heartbeat is 90 s old now")
    fixture.clock.advance(seconds: 10)
    #expect(!fixture.view.hasLostNode(within: .seconds(10)))
    await fixture.registry.close()
  }

  /// A registry that was emptied gets its nodes back one by one; one that an operator has forgotten doesn't come back.
  @Test func nodesThatVanishFromTheRegistryCountUntilTheCatalogSaysThatTheyHoldNothing() async throws {
    let fixture = try await Fixture()
    let nodes = [NodeID.make(), NodeID.make(), NodeID.make()]
    for node in nodes { try await fixture.beat(node) }
    try await fixture.view.refresh()
    #expect(fixture.view.knownNodeCount == 3 && !fixture.view.hasVanishedNodes)
    let before = fixture.clock.uptime()
    fixture.clock.advance(seconds: 1)
    for node in nodes { try await fixture.registry.forget(node) }
    try await fixture.view.refresh()
    try await fixture.beat(nodes[0])
    try await fixture.view.refresh()
    #expect(fixture.view.nodeCount == 1 && fixture.view.knownNodeCount == 3)
    fixture.view.settle(members: [nodes[0]], asOf: before)
    #expect(fixture.view.hasVanishedNodes, "they vanished after the catalog was asked")
    fixture.clock.advance(seconds: 1)
    fixture.view.settle(members: [nodes[0], nodes[1]], asOf: fixture.clock.uptime())
    #expect(fixture.view.knownNodeCount == 2 && !fixture.view.hasVanishedNodes)
    try await fixture.beat(nodes[1])
    try await fixture.view.refresh()
    #expect(fixture.view.knownNodeCount == 2)
    await fixture.registry.close()
  }

  /// Heartbeats reach the registry, and say nothing about the way from here to the node.
  @Test func aSuspectedNodeIsAvoidedUntilItIsReached() async throws {
    let fixture = try await Fixture()
    let node = NodeID.make()
    try await fixture.beat(node)
    try await fixture.view.refresh()
    fixture.view.suspect(node, because: "connection refused")
    #expect(!fixture.view.isActive(node))
    #expect(fixture.view.suspicion(of: node) == "connection refused")
    for _ in 0..<3 {
      fixture.clock.advance(seconds: 1)
      try await fixture.beat(node)
      try await fixture.view.refresh()
      #expect(!fixture.view.isActive(node))
    }
    let start = fixture.clock.uptime()
    #expect(fixture.view.takeProbes(at: start + Suspicion.firstDelay) == [node])
    fixture.view.probeFailed(node, because: "no answer", at: start)
    #expect(!fixture.view.isActive(node))
    #expect(fixture.view.suspicion(of: node) == "no answer")
    fixture.view.reached(node)
    #expect(fixture.view.isActive(node))
    #expect(fixture.view.suspicion(of: node) == nil)
    #expect(fixture.view.takeProbes(at: start + .seconds(60)).isEmpty)
    await fixture.registry.close()
  }

  @Test func aNodeThatIsSilentAsWellIsNotProbed() async throws {
    let fixture = try await Fixture()
    let node = NodeID.make()
    try await fixture.beat(node)
    try await fixture.view.refresh()
    fixture.view.suspect(node, because: "connection refused")
    #expect(fixture.view.takeProbes(at: fixture.clock.uptime() + .seconds(100)).isEmpty)
    await fixture.registry.close()
  }

  /// The registry's clock is set, an hour or a day, either way: the node is as young as before, and no younger.
  @Test(arguments: [-86_400, -3600, 3600, 86_400] as [Int64]) func aClockThatJumpsSilencesNoNode(seconds: Int64)
    async throws
  {
    let fixture = try await Fixture()
    let (node, other) = (NodeID.make(), NodeID.make())
    for node in [node, other] { try await fixture.beat(node) }
    fixture.clock.advance(seconds: 10)
    try await fixture.view.refresh()
    fixture.clock.jump(seconds: seconds)
    try await fixture.view.refresh()
    #expect(fixture.view.activeNodes.count == 2)
    fixture.clock.advance(seconds: 30)
    try await fixture.beat(node)
    try await fixture.view.refresh()
    #expect(fixture.view.activeNodes.count == 2)
    // The other one has been silent for 91 s then, and is not taken for dead for longer.
    fixture.clock.advance(seconds: 51)
    try await fixture.view.refresh()
    #expect(fixture.view.activeNodes.map(\.report.node) == [node])
    let silence = fixture.view.nodeStatuses.first { $0.report.node == other }?.state.silence
    #expect(silence == .seconds(91))
    await fixture.registry.close()
  }

  @Test func nodeThatLeftIsNotActive() async throws {
    let fixture = try await Fixture()
    let node = NodeID.make()
    try await fixture.beat(node)
    try await fixture.registry.leave(node, incarnation: 1)
    try await fixture.view.refresh()
    #expect(!fixture.view.isActive(node))
    #expect(fixture.view.report(of: node) != nil)
    await fixture.registry.close()
  }

  @Test func plansSeeEachNodeAsItIs() async throws {
    let fixture = try await Fixture()
    let nodes = (0..<3).map { _ in NodeID.make() }
    try await fixture.beat(nodes[0])
    fixture.clock.advance(seconds: 100)
    for node in nodes[1...] { try await fixture.beat(node) }
    try await fixture.registry.setDraining(nodes[1], true)
    try await fixture.view.refresh()
    let states = Dictionary(uniqueKeysWithValues: fixture.view.nodeStatuses.map { ($0.report.node, $0.state) })
    #expect(states.count == 3)
    let silence = try #require(states[nodes[0]]?.silence)
    #expect(silence >= .seconds(100) && silence < .seconds(190))
    #expect(states[nodes[1]] == .draining)
    #expect(states[nodes[2]] == .active)
    // A draining node that falls silent is silent: nothing can be read from it.
    fixture.view.suspect(nodes[1], because: "connection refused")
    #expect(fixture.view.nodeStatuses.first { $0.report.node == nodes[1] }?.state.silence != nil)
    await fixture.registry.close()
  }

  @Test func viewKeepsWhatItKnowsWhileTheRegistryIsAway() async throws {
    let fixture = try await Fixture()
    let node = NodeID.make()
    try await fixture.beat(node)
    try await fixture.view.refresh()
    await fixture.registry.close()
    #expect(fixture.view.registryFailure == nil)
    await #expect(throws: CatalogError.self) { try await fixture.view.refresh() }
    #expect(fixture.view.isActive(node))
    #expect(fixture.view.registryFailure != nil)
  }
}

extension NodeStatus.State {
  fileprivate var silence: Duration? {
    guard case .silent(let time) = self else { return nil }
    return time
  }
}
