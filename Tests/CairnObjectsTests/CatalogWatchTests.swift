import CairnCatalog
import CairnModel
import CairnTestSupport
import Synchronization
import Testing

@testable import CairnObjects

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
      var evictionRisk: String?
      var time = Timestamp(clampingMillisecondsSinceEpoch: 1_000_000_000)
      var known: [NodeID: Reconciliation] = [:]
      var nodes: [NodeReport] = []
      var volumes: [Volume] = []
      /// Volumes that the coordinator remembers, also when the catalog has lost them.
      var remembered: [Volume] = []
      var missing: Set<NodeID> = []
      var fails = false
      var recoveries: [Recovery] = []
      var duringRecovery: (@Sendable () async -> Void)?
    }

    let state = Mutex(State())

    func epoch(of bucket: BucketName) async throws(CatalogError) -> CatalogEpoch {
      state.withLock { $0.others[bucket] ?? $0.epoch }
    }

    func storeProcess() async throws(CatalogError) -> String { state.withLock { $0.process } }

    var interruptions: Int { state.withLock { $0.interruptions } }

    var evictionRisk: String? { state.withLock { $0.evictionRisk } }

    func reconciledNodes() async throws(CatalogError) -> [NodeID: Reconciliation] { state.withLock { $0.known } }

    func setReconciled(_ nodes: [NodeID], process: String, epoch: CatalogEpoch) async throws(CatalogError) {
      state.withLock { state in
        guard epoch.id == state.epoch.id else { return }
        for node in nodes { state.known[node] = Reconciliation(process: process, time: state.time) }
      }
    }

    func remember() -> CatalogMemory { state.withLock { CatalogMemory(nodes: $0.nodes, volumes: $0.remembered) } }

    func listVolumes() async throws -> [Volume] { state.withLock { $0.volumes } }

    var isSettled: Bool { true }

    func settle(_ volumes: [Volume], listedSince start: ContinuousClock.Instant) {
      state.withLock { $0.remembered = volumes }
    }

    func recover(_ memory: CatalogMemory, since: Timestamp?) async throws -> Set<NodeID> {
      let happening = state.withLock { state in
        defer { state.duringRecovery = nil }
        return state.duringRecovery
      }
      await happening?()
      return try state.withLock { state in
        if state.volumes.isEmpty { state.volumes = state.remembered }
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
        $0.volumes = []
      }
    }
  }

  private func report(_ node: NodeID, volumes: Int = 1) -> NodeReport {
    NodeReport(
      node: node, incarnation: 1, address: "127.0.0.1", port: 1, zone: "", storagePath: "", capacity: 1, available: 1,
      readOnly: false, blobCount: 0, volumeCount: volumes)
  }

  private func watch(_ stage: Stage, patience: Duration = .zero, copies: Int = 2) -> CatalogWatch {
    CatalogWatch(catalog: stage, patience: patience, copies: copies, logger: ObjectFixture.logger)
  }

  /// A store that has `nodes`, and was compared with them; each volume is on all of them, if nothing else is said.
  private func stage(_ nodes: [NodeID], volumes: [[NodeID]]? = nil) -> Stage {
    let stage = Stage()
    stage.set { state in
      state.volumes = (volumes ?? [nodes]).map { Volume(id: .make(), nodes: $0) }
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

  /// No difference whether this process saw the bucket when it was whole.
  @Test(arguments: [true, false]) func aBucketThatLacksEntriesIsALoss(_ isFresh: Bool) async throws {
    let photos = try BucketName("photos")
    let stage = stage([NodeID.make()])
    let watch = watch(stage)
    try await watch.look(stage)
    if !isFresh { try await watch.verify(photos) }
    stage.set { $0.others[photos] = CatalogEpoch(id: 1, position: 5, isIntact: false) }
    await #expect(throws: CatalogError.self) { try await watch.verify(photos) }
    #expect(watch.reasonNotReady?.contains("lost data") == true)
    stage.set { $0.others[photos] = CatalogEpoch(id: 1, position: 5) }
    try await watch.look(stage)
    try await watch.verify(photos)
    #expect(stage.recoveries.map(\.since) == [nil])
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

  /// What was evicted may be of any age, and may be the nodes' own entries. No difference whether this process saw it.
  @Test(arguments: [true, false]) func afterAnEvictionEverythingIsRead(_ isFresh: Bool) async throws {
    let node = NodeID.make()
    let stage = stage([node])
    var watch = watch(stage)
    try await watch.look(stage)
    let risk = "maxmemory-policy is allkeys-lru"
    stage.set {
      $0.process = StoreLife(process: "p1", evictedKeys: 2).text
      $0.evictionRisk = risk
      if !isFresh { $0.nodes = [] }
    }
    if isFresh { watch = self.watch(stage) }
    #expect(watch.reasonNotReady == risk)
    await #expect(throws: CatalogError.self) { try await watch.verify() }
    try await watch.look(stage)
    #expect(stage.recoveries.isEmpty, "what is put back would be evicted again")
    stage.set { $0.evictionRisk = nil }
    if !isFresh { #expect(watch.reasonNotReady?.contains("lost data") == true) }
    try await watch.look(stage)
    #expect(stage.recoveries == [Stage.Recovery(nodes: [node], since: nil)])
    try await watch.verify()
    try await watch.look(stage)
    #expect(stage.recoveries.count == 1)
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
    let watch = watch(stage, copies: 1)
    try await watch.look(stage)
    restarted(stage)
    stage.set { $0.nodes = [report(here)] }
    try await watch.look(stage)
    #expect(watch.reasonNotReady?.contains("\(away)") == true, "it waits for the node")
    #expect(watch.reasonNotCurrent == nil, "what is found may be told")
    #expect(stage.recoveries.map(\.nodes) == [[here]])
    // Registered again, but it can't be read yet.
    stage.set {
      $0.nodes.append(report(away))
      $0.missing = [away]
    }
    try await watch.look(stage)
    #expect(stage.recoveries.map(\.nodes) == [[here], [here, away]])
    #expect(watch.reasonNotReady != nil)
    stage.set { $0.missing = [] }
    // Not at once: the next try has to wait a second.
    try await eventually("recovered") {
      try await watch.look(stage)
      return watch.reasonNotReady == nil
    }
    #expect(stage.recoveries.count == 3)
  }

  /// Nobody waits for a machine that was switched off long ago: repair has put others in its place.
  @Test func nodesThatNoVolumeListsAreNotWaitedFor() async throws {
    let (here, gone) = (NodeID.make(), NodeID.make())
    let stage = stage([here, gone], volumes: [[here]])
    stage.set { $0.nodes = [report(here)] }
    restarted(stage)
    let watch = watch(stage, patience: .seconds(1000), copies: 1)
    try await watch.look(stage)
    #expect(watch.reasonNotReady == nil)
  }

  // MARK: The rule: fewer members are missing than a write needs copies

  /// Each record is on two of three nodes at least.
  @Test func theCatalogIsWholeWhenTwoOfThreeNodesWereRead() async throws {
    let nodes = [NodeID.make(), NodeID.make(), NodeID.make()]
    let stage = stage(nodes)
    restarted(stage)
    stage.set { $0.nodes = [report(nodes[0])] }
    let watch = watch(stage, patience: .seconds(1000))
    try await watch.look(stage)
    #expect(watch.reasonNotReady != nil, "two are missing")
    stage.set { $0.nodes.append(report(nodes[1])) }
    try await watch.look(stage)
    #expect(watch.reasonNotReady == nil)
    try await watch.verify()
    #expect(stage.recoveries.map(\.nodes) == [[nodes[0]], [nodes[0], nodes[1]]])
  }

  /// Without patience, too: that the process runs for long says nothing when Redis was away, or its nodes were.
  @Test func doubtIsNotGivenUpBeforeANodeWasRead() async throws {
    let nodes = [NodeID.make(), NodeID.make(), NodeID.make()]
    let stage = stage(nodes)
    restarted(stage)
    stage.set { $0.nodes = [] }
    let watch = watch(stage)
    for _ in 1...3 { try await watch.look(stage) }
    #expect(watch.reasonNotReady != nil && watch.reasonNotCurrent != nil)
    await #expect(throws: CatalogError.self) { try await watch.verify() }
  }

  /// Asynchronous mode, or an upload that asked for one copy: nobody else has what the node has.
  @Test(arguments: [(1, [0, 1, 2]), (2, [2])])
  func theOnlyHolderIsWaitedFor(_ copies: Int, _ holders: [Int]) async throws {
    let nodes = [NodeID.make(), NodeID.make(), NodeID.make()]
    let stage = stage(nodes, volumes: [[nodes[0], nodes[1]], holders.map { nodes[$0] }])
    let watch = watch(stage, copies: copies)
    try await watch.look(stage)
    #expect(watch.reasonNotReady == nil)
    stage.empty()
    stage.set { state in
      state.nodes.removeLast()
      state.missing = [nodes[2]]
    }
    for _ in 1...3 { try await watch.look(stage) }
    #expect(watch.reasonNotReady?.contains("\(nodes[2])") == true)
    #expect(watch.reasonNotCurrent == nil)
    await #expect(throws: CatalogError.self) { try await watch.verify() }
    stage.set { state in
      state.nodes.append(report(nodes[2]))
      state.missing = []
    }
    // Not at once: the next try has to wait a second.
    try await eventually("recovered") {
      try await watch.look(stage)
      return watch.reasonNotReady == nil
    }
  }

  /// It is missing until what it held has its copies again: then no list names it.
  @Test func aNodeThatIsLostIsMissingUntilOthersHaveItsPlace() async throws {
    let (here, other, lost) = (NodeID.make(), NodeID.make(), NodeID.make())
    let stage = stage([here, other, lost])
    let watch = watch(stage, copies: 1)
    try await watch.look(stage)
    restarted(stage)
    stage.set { $0.nodes.removeLast() }
    try await watch.look(stage)
    #expect(watch.reasonNotReady != nil)
    // Another coordinator, which need not wait until it reads the lists again.
    stage.set { state in state.volumes = state.volumes.map { Volume(id: $0.id, nodes: [here, other]) } }
    let second = self.watch(stage, copies: 1)
    try await second.look(stage)
    #expect(second.reasonNotReady == nil)
  }

  /// Another coordinator, which remembers more, has put lists into the catalog since this one read them.
  @Test func theLastWordHaveTheListsAsTheyAreNow() async throws {
    let (here, away) = (NodeID.make(), NodeID.make())
    let stage = stage([here], volumes: [])
    stage.empty()
    let watch = watch(stage, patience: .seconds(1000), copies: 1)
    try await watch.look(stage)
    #expect(watch.reasonNotReady != nil, "others may still register")
    stage.set { state in
      state.volumes = [Volume(id: .make(), nodes: [here]), Volume(id: .make(), nodes: [away])]
      state.known[here] = Reconciliation(process: state.process, time: state.time)
    }
    try await watch.look(stage)
    #expect(watch.reasonNotReady?.contains("\(away)") == true)
  }

  /// A node without files was the first to register with a Redis that was emptied.
  @Test func nodesWithUnknownFilesBringTheDoubtBack() async throws {
    let (new, old, older) = (NodeID.make(), NodeID.make(), NodeID.make())
    let stage = Stage()
    stage.set { $0.nodes = [report(new, volumes: 0)] }
    let watch = watch(stage, patience: .seconds(1000))
    try await watch.look(stage)
    #expect(watch.reasonNotReady == nil)
    stage.set { $0.nodes += [report(old), report(older)] }
    try await watch.look(stage)
    #expect(watch.reasonNotReady != nil && stage.recoveries.isEmpty, "others may still register")
  }

  /// One that was noticed while a node was read is not made good by that.
  @Test func aLossDuringARecoveryIsMadeGoodByTheNextOne() async throws {
    let (node, other) = (NodeID.make(), NodeID.make())
    let stage = stage([node])
    let watch = watch(stage)
    try await watch.look(stage)
    stage.set { state in
      state.nodes.append(report(other))
      state.duringRecovery = {
        stage.empty()
        try? await watch.verify()
      }
    }
    try await watch.look(stage)
    #expect(watch.reasonNotReady != nil)
    try await watch.look(stage)
    #expect(watch.reasonNotReady == nil)
    #expect(stage.recoveries.count == 2)
  }

  /// However long it takes: what it has read may be put into the catalog at its end.
  @Test func aRecoveryUnderWayMayHaveReplayed() async throws {
    let stage = stage([])
    let watch = CatalogWatch(
      catalog: stage, patience: .zero, copies: 1, writeTimeMax: .zero, logger: ObjectFixture.logger)
    let wasReplaying = Mutex<Bool?>(nil)
    stage.set { state in
      state.nodes = [report(.make())]
      state.duringRecovery = { wasReplaying.withLock { $0 = watch.mayHaveReplayed } }
    }
    try await watch.look(stage)
    #expect(wasReplaying.withLock { $0 } == true)
    #expect(!watch.mayHaveReplayed)
  }
}
