import CairnCatalog
import CairnModel
import CairnObjects
import CairnTestSupport
import Synchronization
import Testing

/// When a coordinator thinks that its catalog has lost something, and what it does then.
@Suite struct CatalogWatchTests {
  /// A catalog that is what the test says, and a recovery that does what the test says.
  private final class Stage: CatalogEpochs, ReconciledNodes, CatalogRecoverer {
    struct Recovery: Equatable {
      var nodes: Set<NodeID>
      var since: Timestamp?
    }

    struct State {
      var epoch = CatalogEpoch(id: 1, position: 5)
      /// Of buckets other than the default one.
      var others: [BucketName: CatalogEpoch] = [:]
      var process = "p1"
      var interruptions = 0
      var time = Timestamp(clampingMillisecondsSinceEpoch: 1_000_000_000)
      var known: [NodeID: Reconciliation] = [:]
      var nodes: [NodeReport] = []
      var missing: Set<NodeID> = []
      var fails = false
      var recoveries: [Recovery] = []
    }

    let state = Mutex(State())

    func epoch(of bucket: BucketName) async throws(CatalogError) -> CatalogEpoch {
      state.withLock { $0.others[bucket] ?? $0.epoch }
    }

    func storeProcess() async throws(CatalogError) -> String { state.withLock { $0.process } }

    var interruptions: Int { state.withLock { $0.interruptions } }

    func reconciledNodes() async throws(CatalogError) -> [NodeID: Reconciliation] { state.withLock { $0.known } }

    func setReconciled(_ nodes: [NodeID], process: String, epoch: CatalogEpoch) async throws(CatalogError) {
      state.withLock { state in
        guard epoch.id == state.epoch.id else { return }
        for node in nodes { state.known[node] = Reconciliation(process: process, time: state.time) }
      }
    }

    func remember() -> CatalogMemory { CatalogMemory(nodes: state.withLock { $0.nodes }, volumes: []) }

    func recover(_ memory: CatalogMemory, since: Timestamp?) async throws -> Set<NodeID> {
      try state.withLock { state in
        state.recoveries.append(Recovery(nodes: Set(memory.nodes.map(\.node)), since: since))
        if state.fails { throw CatalogError.unavailable("told to") }
        return state.missing
      }
    }

    var recoveries: [Recovery] { state.withLock { $0.recoveries } }
    func set(_ change: (inout State) -> Void) { state.withLock { change(&$0) } }

    /// The store loses everything.
    func empty() {
      set {
        $0.epoch = CatalogEpoch(id: $0.epoch.id + 1, position: 0)
        $0.known = [:]
      }
    }
  }

  private func report(_ node: NodeID, volumes: Int = 1) -> NodeReport {
    NodeReport(
      node: node, incarnation: 1, address: "127.0.0.1", port: 1, zone: "", storagePath: "", capacity: 1, available: 1,
      readOnly: false, blobCount: 0, volumeCount: volumes)
  }

  private func watch(_ stage: Stage, patience: Duration = .zero) -> CatalogWatch {
    CatalogWatch(catalog: stage, patience: patience, logger: ObjectFixture.logger)
  }

  /// A store that has `nodes`, and was compared with them.
  private func stage(_ nodes: [NodeID]) -> Stage {
    let stage = Stage()
    stage.set { state in
      state.nodes = nodes.map { report($0) }
      for node in nodes { state.known[node] = Reconciliation(process: state.process, time: state.time) }
    }
    return stage
  }

  private func restarted(_ stage: Stage) { stage.set { $0.process = "p2" } }

  @Test func aCatalogThatGoesOnIsLeftAlone() async throws {
    let stage = stage([NodeID.make()])
    let watch = watch(stage)
    #expect(watch.reasonNotReady != nil, "nothing is known yet")
    for position in UInt64(5)..<10 {
      stage.set { $0.epoch = CatalogEpoch(id: 1, position: position) }
      try await watch.look(stage)
      try await watch.verify()
    }
    #expect(stage.recoveries.isEmpty && watch.reasonNotReady == nil)
  }

  /// Each bucket counts its own changes, so the count of the default one may not tell.
  @Test func aLossInAnotherBucketIsNoticedOnce() async throws {
    let photos = try BucketName("photos")
    let stage = stage([NodeID.make()])
    stage.set { $0.others[photos] = CatalogEpoch(id: 2, position: 7) }
    let watch = watch(stage)
    try await watch.look(stage)
    try await watch.verify(photos)
    #expect(stage.recoveries.isEmpty)
    stage.set { state in
      state.others[photos] = CatalogEpoch(id: 2, position: 6)
      state.epoch = CatalogEpoch(id: 1, position: 4)
    }
    await #expect(throws: CatalogError.self) { try await watch.verify(photos) }
    try await watch.look(stage)
    try await watch.look(stage)
    try await watch.verify(photos)
    #expect(stage.recoveries.count == 1)
  }

  @Test func newNodesNeedNotBeRead() async throws {
    let stage = Stage()
    let watch = watch(stage, patience: .seconds(1000))
    try await watch.look(stage)
    #expect(watch.reasonNotReady != nil, "there is no node that could be asked")
    let node = NodeID.make()
    stage.set { $0.nodes = [report(node, volumes: 0)] }
    try await watch.look(stage)
    #expect(watch.reasonNotReady == nil && stage.recoveries.isEmpty)
    #expect(stage.state.withLock { $0.known.keys.sorted() } == [node])
  }

  @Test(arguments: [CatalogEpoch(id: 1, position: 4), CatalogEpoch(id: 2, position: 9)])
  func aCatalogThatWentBackIsRecoveredFromTheNodesThatWereKnown(_ epoch: CatalogEpoch) async throws {
    let node = NodeID.make()
    let stage = stage([node])
    let watch = watch(stage)
    try await watch.look(stage)
    stage.set {
      $0.epoch = epoch
      $0.nodes = []
      $0.fails = true
    }
    await #expect(throws: CatalogError.self) { try await watch.verify() }
    await #expect(throws: CatalogError.self) { try await watch.look(stage) }
    #expect(watch.reasonNotReady?.contains("lost data") == true)
    stage.set { $0.fails = false }
    // Not at once: the second try has to wait a second.
    try await eventually("recovered") {
      try await watch.look(stage)
      return watch.reasonNotReady == nil
    }
    try await watch.verify()
    #expect(stage.recoveries.map(\.nodes) == [[node], [node]])
    #expect(stage.recoveries.allSatisfy { $0.since == nil }, "nobody knows what is left")
    try await watch.look(stage)
    #expect(stage.recoveries.count == 2)
  }

  @Test func aLossIsNoticedOnceHoweverManyAsk() async throws {
    let node = NodeID.make()
    let stage = stage([node])
    let watch = watch(stage)
    try await watch.look(stage)
    stage.empty()
    for _ in 0..<10 { await #expect(throws: CatalogError.self) { try await watch.verify() } }
    try await watch.look(stage)
    try await watch.look(stage)
    #expect(stage.recoveries == [Stage.Recovery(nodes: [node], since: nil)])
    #expect(watch.reasonNotReady == nil)
  }

  /// Only what was written since the store was last seen can be missing. No difference whether this process saw it.
  @Test(arguments: [true, false]) func afterARestartTheTailsAreRead(_ isFresh: Bool) async throws {
    let node = NodeID.make()
    let stage = stage([node])
    var watch = watch(stage)
    try await watch.look(stage)
    restarted(stage)
    stage.set { $0.interruptions = 1 }
    #expect(watch.reasonNotReady != nil, "nobody has looked since the connection was lost")
    if isFresh { watch = self.watch(stage) }
    await #expect(throws: CatalogError.self) { try await watch.verify() }
    try await watch.look(stage)
    try await watch.verify()
    try await watch.look(stage)
    let since = Timestamp(clampingMillisecondsSinceEpoch: 1_000_000_000 - 600_000)
    #expect(stage.recoveries == [Stage.Recovery(nodes: [node], since: since)])
  }

  /// Whoever is started after the loss knows nothing of what there was, and waits for the nodes to register.
  @Test func anEmptiedCatalogIsNoticedByAFreshCoordinator() async throws {
    let (first, second) = (NodeID.make(), NodeID.make())
    let stage = stage([first])
    stage.empty()
    let patient = watch(stage, patience: .seconds(1000))
    try await patient.look(stage)
    #expect(patient.reasonNotReady != nil && stage.recoveries.isEmpty)
    stage.set { $0.nodes.append(report(second)) }
    let hasty = watch(stage)
    try await hasty.look(stage)
    #expect(hasty.reasonNotReady == nil)
    #expect(stage.recoveries == [Stage.Recovery(nodes: [first, second], since: nil)])
    try await patient.look(stage)
    #expect(patient.reasonNotReady == nil, "the other one has done it")
  }

  @Test func nodesThatAreAwayAreReadWhenTheyAreBack() async throws {
    let (here, away) = (NodeID.make(), NodeID.make())
    let stage = stage([here, away])
    let (patient, hasty) = (watch(stage, patience: .seconds(1000)), watch(stage))
    for watch in [patient, hasty] { try await watch.look(stage) }
    restarted(stage)
    stage.set { $0.nodes = [report(here)] }
    for watch in [patient, hasty] { try await watch.look(stage) }
    #expect(patient.reasonNotReady != nil, "it waits for the node")
    #expect(hasty.reasonNotReady == nil)
    #expect(stage.recoveries.map(\.nodes) == [[here]])
    // Registered again, but it can't be read yet.
    stage.set {
      $0.nodes.append(report(away))
      $0.missing = [away]
    }
    try await patient.look(stage)
    #expect(stage.recoveries.map(\.nodes) == [[here], [here, away]])
    #expect(patient.reasonNotReady != nil)
    stage.set { $0.missing = [] }
    // Not at once: the next try has to wait a second.
    try await eventually("recovered") {
      try await patient.look(stage)
      return patient.reasonNotReady == nil
    }
    #expect(stage.recoveries.count == 3)
  }

  /// Nobody waits for a machine that was switched off long ago.
  @Test func nodesThatWereAwayBeforeTheStoreWasAreNotWaitedFor() async throws {
    let (here, gone) = (NodeID.make(), NodeID.make())
    let stage = stage([here, gone])
    stage.set {
      $0.nodes = [report(here)]
      $0.known[here] = Reconciliation(process: "p1", time: Timestamp(clampingMillisecondsSinceEpoch: 1_000_300_000))
    }
    restarted(stage)
    let watch = watch(stage, patience: .seconds(1000))
    try await watch.look(stage)
    #expect(watch.reasonNotReady == nil)
  }
}
