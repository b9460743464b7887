import CairnCluster
import CairnModel
import CairnTestSupport
import Testing

@Suite struct RebalancePlanTests {
  private static let gib: UInt64 = 1 << 30

  /// Nodes of different sizes, volumes on some of them only, as after the arrival of new nodes.
  private func cluster(
    _ random: inout SeededGenerator, replicas: Int, zones: Int, volumeSizeMax: UInt64 = gib
  ) -> PlannedCluster {
    let count = Int.random(in: max(4, 2 * replicas)...10, using: &random)
    let nodes = (0..<count).map { index in
      let capacity = UInt64.random(in: 400...1000, using: &random) * Self.gib
      return NodeStatus(
        report: PlacementTests.report(
          available: capacity, node: .random(using: &random), zone: "zone\(index % zones)", capacity: capacity),
        state: .active)
    }
    var cluster = PlannedCluster(nodes: nodes)
    let old = nodes.prefix(max(replicas, count * 2 / 3)).map(\.report)
    for _ in 0..<(count * 60) {
      let holders = Placement.choose(replicas, from: old, for: .make(), policy: .random, using: &random)
      cluster.add(
        Volume(id: .random(using: &random), nodes: holders.map(\.node), state: .sealed),
        size: .random(in: 1...volumeSizeMax, using: &random))
    }
    return cluster
  }

  private func plan(_ cluster: PlannedCluster, _ policy: PlacementPolicy = .balanced) -> [RepairTask] {
    RebalancePlan(volumes: cluster.volumes, nodes: cluster.nodes, policy: policy).tasks
  }

  /// Nodes that first get a volume and then give it away.
  private func sourcesThatWereTargets(_ tasks: [RepairTask]) -> [NodeID] {
    var targets: [VolumeID: Set<NodeID>] = [:]
    return tasks.compactMap { task in
      guard case .replicate(let volume, _, let target, let source?) = task else { return nil }
      let isTarget = targets[volume]?.contains(source) ?? false
      targets[volume, default: []].insert(target)
      return isTarget ? source : nil
    }
  }

  private func difference(_ fills: [Double]) throws -> Double {
    try #require(fills.max()) - (try #require(fills.min()))
  }

  @Test(arguments: [1, 2, 3])
  func fillBecomesEvenWithFewMoves(replicas: Int) throws {
    var random = SeededGenerator.forTest()
    for _ in 0..<8 {
      var cluster = cluster(&random, replicas: replicas, zones: 1, volumeSizeMax: 2 * Self.gib)
      let used = cluster.nodes.map { Double($0.report.capacity - $0.report.available) }
      let capacity = cluster.nodes.map { Double($0.report.capacity) }
      let mean = used.reduce(0, +) / capacity.reduce(0, +)
      let excess = zip(used, capacity).reduce(0) { $0 + max(0, $1.0 - mean * $1.1) }
      let tasks = plan(cluster)
      try cluster.apply(tasks)
      #expect(try difference(cluster.fills) <= RebalancePlan.fillDifferenceMax, "\(cluster.fills)")
      // Not more than what was above the mean anywhere, and no replica twice.
      #expect(Double(cluster.movedBytes) <= excess)
      #expect(sourcesThatWereTargets(tasks).isEmpty)
      #expect(plan(cluster).isEmpty)
    }
  }

  @Test(arguments: [2, 3])
  func zonesStayDistinct(replicas: Int) throws {
    var random = SeededGenerator.forTest()
    for _ in 0..<8 {
      var cluster = cluster(&random, replicas: replicas, zones: replicas)
      let before = cluster.volumes.map { cluster.zones(of: $0.volume).count }
      try cluster.apply(plan(cluster))
      let after = cluster.volumes.map { cluster.zones(of: $0.volume).count }
      #expect(zip(before, after).allSatisfy { $0 <= $1 })
      #expect(plan(cluster).isEmpty)
    }
  }

  @Test func evenNodesAreLeftAlone() throws {
    var random = SeededGenerator.forTest()
    let nodes = (0..<4).map { _ in
      NodeStatus(
        report: PlacementTests.report(
          available: 100 * Self.gib, node: .random(using: &random), capacity: 100 * Self.gib), state: .active)
    }
    var cluster = PlannedCluster(nodes: nodes)
    for (index, count) in [50, 48, 46, 45].enumerated() {
      for _ in 0..<count {
        cluster.add(
          Volume(id: .random(using: &random), nodes: [nodes[index].report.node], state: .sealed), size: Self.gib)
      }
    }
    cluster.volumes.shuffle(using: &random)
    #expect(plan(cluster).isEmpty)
  }

  /// Volumes of a tenth of a disk: as even as they allow, and no volume goes to and fro.
  @Test func largeVolumesDoNotPingPong() throws {
    var random = SeededGenerator.forTest()
    for _ in 0..<50 {
      let nodes = (0..<Int.random(in: 2...6, using: &random)).map { _ in
        NodeStatus(
          report: PlacementTests.report(
            available: 100 * Self.gib, node: .random(using: &random), capacity: 100 * Self.gib), state: .active)
      }
      var cluster = PlannedCluster(nodes: nodes)
      for node in nodes {
        for _ in 0..<Int.random(in: 0...8, using: &random) {
          cluster.add(
            Volume(id: .random(using: &random), nodes: [node.report.node], state: .sealed),
            size: .random(in: 5...12, using: &random) * Self.gib)
        }
      }
      let before = try difference(cluster.fills)
      try cluster.apply(plan(cluster))
      #expect(try difference(cluster.fills) <= before)
      #expect(plan(cluster).isEmpty)
    }
  }

  @Test func onlySealedVolumesOnActiveNodesMove() throws {
    var random = SeededGenerator.forTest()
    let nodes = [NodeStatus.State.active, .active, .draining, .silent(for: .seconds(1))].map { state in
      NodeStatus(
        report: PlacementTests.report(
          available: 100 * Self.gib, node: .random(using: &random), capacity: 100 * Self.gib), state: state)
    }
    for policy in [PlacementPolicy.balanced, .consistentHash] {
      var cluster = PlannedCluster(nodes: nodes)
      for _ in 0..<40 {
        let other = Int.random(in: 2...3, using: &random)
        let holders = [nodes[0].report.node, nodes[other].report.node]
        cluster.add(Volume(id: .random(using: &random), nodes: holders, state: .sealed), size: Self.gib)
        cluster.add(Volume(id: .random(using: &random), nodes: [nodes[0].report.node]), size: Self.gib)
      }
      #expect(plan(cluster, policy).isEmpty)
    }
  }

  @Test(arguments: [(1, 1), (2, 1), (3, 3), (3, 2)])
  func consistentHashMovesVolumesToTheirPlaceOnTheRing(replicas: Int, zones: Int) throws {
    var random = SeededGenerator.forTest()
    var cluster = cluster(&random, replicas: replicas, zones: zones)
    try cluster.apply(plan(cluster, .consistentHash))
    #expect(plan(cluster, .consistentHash).isEmpty)
    let reports = cluster.nodes.map(\.report)
    let ring = HashRing(reports.map(\.node))
    for sized in cluster.volumes {
      let wanted = Placement.choose(
        replicas, from: reports, for: sized.volume.id, policy: .consistentHash, ring: ring, using: &random)
      #expect(Set(wanted.map(\.node)) == Set(sized.volume.nodes))
    }
    // One more node: about its share of the volumes goes to it, and nothing anywhere else.
    let new = NodeStatus(
      report: PlacementTests.report(
        available: 1000 * Self.gib, node: .random(using: &random), zone: "zone0", capacity: 1000 * Self.gib),
      state: .active)
    cluster.nodes.append(new)
    let tasks = plan(cluster, .consistentHash)
    #expect(
      tasks.allSatisfy { task in
        guard case .replicate(_, _, new.report.node, _?) = task else { return false }
        return true
      })
    if zones == 1 {
      let share = Double(tasks.count) / Double(cluster.volumes.count * replicas)
      let expected = 1 / Double(cluster.nodes.count)
      #expect(share > expected * 0.5 && share < expected * 1.6, "\(share), expected about \(expected)")
    }
  }
}
