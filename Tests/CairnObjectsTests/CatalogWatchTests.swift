import CairnCatalog
import CairnModel
import CairnObjects
import Synchronization
import Testing

/// When a coordinator thinks that its catalog has lost something, and what it does then.
@Suite struct CatalogWatchTests {
  /// A catalog that is what the test says, and a recovery that does what the test says.
  private final class Stage: CatalogEpochs, CatalogRecoverer {
    struct State {
      var epoch = CatalogEpoch(id: 1, position: 5)
      var process = "p1"
      var nodes: [NodeReport] = []
      var missing: Set<NodeID> = []
      var fails = false
      var recoveries: [Set<NodeID>] = []
    }

    let state = Mutex(State())

    func epoch(of bucket: BucketName) async throws(CatalogError) -> CatalogEpoch { state.withLock { $0.epoch } }

    func storeProcess() async throws(CatalogError) -> String { state.withLock { $0.process } }

    func remember() -> CatalogMemory { CatalogMemory(nodes: state.withLock { $0.nodes }, volumes: []) }

    func recover(_ memory: CatalogMemory) async throws -> Set<NodeID> {
      try state.withLock { state in
        state.recoveries.append(Set(memory.nodes.map(\.node)))
        if state.fails { throw CatalogError.unavailable("told to") }
        return state.missing
      }
    }

    var recoveries: [Set<NodeID>] { state.withLock { $0.recoveries } }
    func set(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }
  }

  private func report(_ node: NodeID) -> NodeReport {
    NodeReport(
      node: node, incarnation: 1, address: "127.0.0.1", port: 1, zone: "", storagePath: "", capacity: 1, available: 1,
      readOnly: false, blobCount: 0, volumeCount: 0)
  }

  private func watch(_ stage: Stage, patience: Duration = .zero) -> CatalogWatch {
    CatalogWatch(epochs: stage, patience: patience, logger: ObjectFixture.logger)
  }

  @Test func aCatalogThatGoesOnIsLeftAlone() async throws {
    let stage = Stage()
    let watch = watch(stage)
    for position in UInt64(5)..<10 {
      stage.set { $0.epoch = CatalogEpoch(id: 1, position: position) }
      try await watch.look(stage)
    }
    #expect(stage.recoveries.isEmpty && watch.reasonNotReady == nil)
  }

  @Test(arguments: [CatalogEpoch(id: 1, position: 4), CatalogEpoch(id: 2, position: 9)])
  func aCatalogThatWentBackIsRecoveredFromTheNodesThatWereKnown(_ epoch: CatalogEpoch) async throws {
    let stage = Stage()
    let watch = watch(stage)
    let node = NodeID.make()
    stage.set { $0.nodes = [report(node)] }
    try await watch.look(stage)
    stage.set {
      $0.epoch = epoch
      $0.nodes = []
      $0.fails = true
    }
    await #expect(throws: CatalogError.self) { try await watch.look(stage) }
    #expect(watch.reasonNotReady?.contains("lost data") == true)
    stage.set { $0.fails = false }
    try await watch.look(stage)
    #expect(watch.reasonNotReady == nil)
    #expect(stage.recoveries == [[node], [node]])
    try await watch.look(stage)
    #expect(stage.recoveries.count == 2)
  }

  @Test func aRestartIsComparedWhileClientsAreServed() async throws {
    let stage = Stage()
    let watch = watch(stage)
    try await watch.look(stage)
    stage.set {
      $0.process = "p2"
      $0.fails = true
    }
    await #expect(throws: CatalogError.self) { try await watch.look(stage) }
    #expect(watch.reasonNotReady == nil)
    stage.set { $0.fails = false }
    try await watch.look(stage)
    try await watch.look(stage)
    #expect(stage.recoveries.count == 2)
  }

  @Test func nodesThatAreAwayAreReadWhenTheyAreBack() async throws {
    let stage = Stage()
    let (patient, hasty) = (watch(stage, patience: .seconds(1000)), watch(stage))
    let node = NodeID.make()
    stage.set { $0.nodes = [report(node)] }
    for watch in [patient, hasty] { try await watch.look(stage) }
    stage.set {
      $0.epoch = CatalogEpoch(id: 2, position: 0)
      $0.nodes = []
      $0.missing = [node]
    }
    for watch in [patient, hasty] { try await watch.look(stage) }
    #expect(patient.reasonNotReady != nil, "it waits for the node")
    #expect(hasty.reasonNotReady == nil)
    try await hasty.look(stage)
    #expect(stage.recoveries.count == 2)
    stage.set {
      $0.nodes = [report(node)]
      $0.missing = []
    }
    // Not at once: the second try has to wait a second.
    while stage.recoveries.count < 4 {
      for watch in [patient, hasty] { try await watch.look(stage) }
      try await Task.sleep(for: .milliseconds(20))
    }
    #expect(patient.reasonNotReady == nil)
  }
}
