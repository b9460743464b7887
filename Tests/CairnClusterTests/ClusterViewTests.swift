import CairnCatalog
import CairnCluster
import CairnModel
import CairnTestSupport
import Logging
import NIOPosix
import Synchronization
import Testing

@Suite struct ClusterViewTests {
  /// A registry whose clock stands still until a test moves it.
  private struct Fixture {
    let folder: TemporaryFolder
    let registry: SQLiteCatalog
    let clock: Clock
    let view: ClusterView

    final class Clock: Sendable {
      private let milliseconds = Mutex<UInt64>(1_000_000_000)
      func now() -> Timestamp { Timestamp(millisecondsSinceEpoch: milliseconds.withLock { $0 }) }
      func advance(seconds: UInt64) { milliseconds.withLock { $0 += seconds * 1000 } }
    }

    init() async throws {
      folder = try TemporaryFolder("view")
      let clock = Clock()
      self.clock = clock
      let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
      registry = try await SQLiteCatalog.open(
        path: folder.path + "/catalog.sqlite", threadPool: .singleton, logger: logger, now: { clock.now() })
      view = ClusterView(registry: registry, timeout: .seconds(90), logger: logger)
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

  @Test func suspectedNodeIsAvoidedUntilItsNextHeartbeat() async throws {
    let fixture = try await Fixture()
    let node = NodeID.make()
    try await fixture.beat(node)
    try await fixture.view.refresh()
    fixture.view.suspect(node, because: "connection refused")
    #expect(!fixture.view.isActive(node))
    // Reading the same heartbeat again proves nothing.
    try await fixture.view.refresh()
    #expect(!fixture.view.isActive(node))
    fixture.clock.advance(seconds: 1)
    try await fixture.beat(node)
    try await fixture.view.refresh()
    #expect(fixture.view.isActive(node))
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

  @Test func viewKeepsWhatItKnowsWhileTheRegistryIsAway() async throws {
    let fixture = try await Fixture()
    let node = NodeID.make()
    try await fixture.beat(node)
    try await fixture.view.refresh()
    await fixture.registry.close()
    await #expect(throws: CatalogError.self) { try await fixture.view.refresh() }
    #expect(fixture.view.isActive(node))
  }
}
