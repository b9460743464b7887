import CairnCluster
import CairnModel
import CairnTestSupport
import Testing

@Suite struct RepairSimulationTests {
  private static let delay: Duration = .seconds(600)

  private func cluster(_ random: inout SeededGenerator, silence: Duration?) -> PlannedCluster {
    let states: [NodeStatus.State] =
      [.active, .active, .active, .draining] + (silence.map { [.silent(for: $0)] } ?? [])
    let zones = Int.random(in: 1...4, using: &random)
    var nodes = (0..<Int.random(in: 2...9, using: &random)).map { index in
      NodeStatus(
        report: PlacementTests.report(available: 1 << 40, node: .random(using: &random), zone: "zone\(index % zones)"),
        state: states.randomElement(using: &random) ?? .active)
    }
    // Full, but it keeps what it has.
    nodes[0].report.readOnly = Bool.random(using: &random)
    var cluster = PlannedCluster(nodes: nodes)
    let everywhere = nodes.map(\.report.node) + (silence == nil ? [] : [NodeID.random(using: &random)])
    for _ in 0..<60 {
      let count = Int.random(in: 0...min(4, everywhere.count), using: &random)
      let holders = Array(everywhere.shuffled(using: &random).prefix(count))
      cluster.add(Volume(id: .random(using: &random), nodes: holders, state: .sealed), size: 1 << 30)
    }
    return cluster
  }

  /// Plans and carries out until nothing is planned, some volumes a page.
  private func repair(
    _ cluster: inout PlannedCluster, _ settings: RepairPlan.Settings, factor: Int, _ random: inout SeededGenerator
  ) throws {
    for _ in 0..<10 {
      let before = cluster.taskCount
      for start in stride(from: 0, to: cluster.volumes.count, by: 25) {
        let page = cluster.volumes[start...].prefix(25).map { sized in
          Volume(id: sized.volume.id, nodes: sized.volume.nodes, replicasWanted: factor, state: sized.volume.state)
        }
        let plan = RepairPlan(volumes: page, nodes: cluster.nodes, settings: settings, using: &random)
        let counts = plan.counts
        #expect(counts.healthy + counts.underReplicated + counts.atRisk + counts.unavailable == page.count)
        try cluster.apply(plan.tasks)
      }
      if cluster.taskCount == before { return }
    }
    Issue.record("work is planned again and again")
  }

  @Test(arguments: PlacementPolicy.allCases)
  func everyVolumeEndsWithAsManyReplicasAsCanBe(policy: PlacementPolicy) throws {
    var random = SeededGenerator.forTest()
    for _ in 0..<30 {
      var cluster = cluster(&random, silence: Self.delay)
      let before = cluster.volumes
      let factor = Int.random(in: 1...3, using: &random)
      let settings = RepairPlan.Settings(
        repairDelay: Self.delay, policy: policy, volumeSize: 1 << 30)
      try repair(&cluster, settings, factor: factor, &random)
      let active = cluster.nodes.filter { $0.state == .active }.map(\.report)
      let eligible = active.filter { !$0.readOnly }
      for (before, after) in zip(before, cluster.volumes) {
        let isLive = before.volume.nodes.contains { node in
          cluster.status(of: node).map { $0.state == .active || $0.state == .draining } ?? false
        }
        guard isLive else {
          #expect(after == before)
          continue
        }
        let staying = after.volume.nodes.filter { node in active.contains { $0.node == node } }
        #expect(staying.count >= min(factor, eligible.count))
        if eligible.count >= factor {
          #expect(!after.volume.nodes.contains { cluster.status(of: $0)?.state == .draining })
        }
      }
    }
  }

  @Test(arguments: PlacementPolicy.allCases)
  func nodeThatIsSilentForLessThanTheDelayCausesNothing(policy: PlacementPolicy) throws {
    var random = SeededGenerator.forTest()
    for _ in 0..<20 {
      var cluster = cluster(&random, silence: nil)
      let settings = RepairPlan.Settings(
        repairDelay: Self.delay, policy: policy, volumeSize: 1 << 30)
      try repair(&cluster, settings, factor: 3, &random)
      let before = cluster.volumes
      let index = Int.random(in: 0..<cluster.nodes.count, using: &random)
      guard cluster.nodes[index].state == .active else { continue }
      cluster.nodes[index].state = .silent(for: Self.delay - .milliseconds(1))
      try repair(&cluster, settings, factor: 3, &random)
      #expect(cluster.volumes == before)
    }
  }

  @Test func zonesStayDistinctWhileThereAreEnough() throws {
    var random = SeededGenerator.forTest()
    let nodes = (0..<9).map {
      NodeStatus(
        report: PlacementTests.report(available: 1 << 40, node: .random(using: &random), zone: "zone\($0 % 3)"),
        state: .active)
    }
    var cluster = PlannedCluster(nodes: nodes)
    for _ in 0..<100 {
      let holders = Placement.choose(
        3, from: nodes.map(\.report), for: .make(), policy: .random, using: &random)
      cluster.add(Volume(id: .random(using: &random), nodes: holders.map(\.node), state: .sealed), size: 1 << 30)
    }
    cluster.nodes[0].state = .silent(for: Self.delay)
    cluster.nodes[4].state = .draining
    let settings = RepairPlan.Settings(
      repairDelay: Self.delay, policy: .balanced, volumeSize: 1 << 30)
    try repair(&cluster, settings, factor: 3, &random)
    #expect(cluster.volumes.allSatisfy { $0.volume.nodes.count == 3 && cluster.zones(of: $0.volume).count == 3 })
  }
}
