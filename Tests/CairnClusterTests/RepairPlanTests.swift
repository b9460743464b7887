import CairnCluster
import CairnModel
import CairnTestSupport
import Testing

@Suite struct RepairPlanTests {
  private static func settings(_ policy: PlacementPolicy = .balanced) -> RepairPlan.Settings {
    RepairPlan.Settings(
      repairDelay: .seconds(600), policy: policy, volumeSize: 1 << 30)
  }

  private static func node(_ state: NodeStatus.State = .active, zone: String = "default") -> NodeStatus {
    NodeStatus(report: PlacementTests.report(available: 1 << 40, zone: zone), state: state)
  }

  private func plan(_ volumes: [Volume], _ nodes: [NodeStatus], factor: Int) -> RepairPlan {
    var random = SeededGenerator.forTest()
    let wanting = volumes.map { volume in
      Volume(id: volume.id, nodes: volume.nodes, replicasWanted: factor, state: volume.state)
    }
    return RepairPlan(volumes: wanting, nodes: nodes, settings: Self.settings(), using: &random)
  }

  private func volume(_ nodes: NodeStatus...) -> Volume {
    Volume(id: .make(), nodes: nodes.map(\.report.node), state: .sealed)
  }

  @Test(arguments: [
    (Duration.seconds(599), false), (.seconds(600), true), (.seconds(100_000), true),
  ])
  func silentNodeIsReplacedAfterTheDelay(silence: Duration, isReplaced: Bool) {
    let (left, silent, spare) = (Self.node(), Self.node(.silent(for: silence)), Self.node())
    let volume = volume(left, silent)
    let task = RepairTask.replicate(
      volume.id, from: [left.report.node], to: spare.report.node, replacing: silent.report.node)
    let plan = plan([volume], [left, silent, spare], factor: 2)
    #expect(plan.tasks == (isReplaced ? [task] : []))
    // It is one replica short all the same, and that is said at once.
    #expect(plan.counts == .init(atRisk: 1))
  }

  @Test func unknownNodeIsReplaced() {
    let (left, unknown, spare) = (Self.node(), Self.node(), Self.node())
    let volume = volume(unknown, left)
    #expect(
      plan([volume], [left, spare], factor: 2).tasks == [
        .replicate(volume.id, from: [left.report.node], to: spare.report.node, replacing: unknown.report.node)
      ])
  }

  @Test func volumeMadeWithTooFewNodesGrows() {
    let (left, spare) = (Self.node(), Self.node())
    let volume = volume(left)
    #expect(
      plan([volume], [left, spare], factor: 3).tasks == [
        .replicate(volume.id, from: [left.report.node], to: spare.report.node, replacing: nil)
      ])
  }

  @Test func drainingNodeIsReadFromAndReplaced() {
    let (left, draining, spare) = (Self.node(), Self.node(.draining), Self.node())
    let volume = volume(draining, left)
    let plan = plan([volume], [left, draining, spare], factor: 2)
    #expect(
      plan.tasks == [
        .replicate(
          volume.id, from: [left.report.node, draining.report.node], to: spare.report.node,
          replacing: draining.report.node)
      ])
    #expect(plan.counts == .init(healthy: 1))
  }

  @Test func surplusReplicaLeavesADrainingNodeWithoutACopy() {
    let (left, right, draining) = (Self.node(), Self.node(), Self.node(.draining))
    let volume = volume(left, right, draining)
    #expect(
      plan([volume], [left, right, draining], factor: 2).tasks == [.retire(volume.id, from: draining.report.node)])
  }

  @Test func drainingReplicaStaysWhileAnotherOneIsOnlyHopedFor() {
    let (left, silent, draining) = (Self.node(), Self.node(.silent(for: .seconds(1))), Self.node(.draining))
    let volume = volume(left, silent, draining)
    #expect(plan([volume], [left, silent, draining], factor: 2).tasks.isEmpty)
  }

  @Test func drainingReplicaStaysWhereNoOtherNodeIs() {
    let (left, draining) = (Self.node(), Self.node(.draining))
    #expect(plan([volume(left, draining)], [left, draining], factor: 2).tasks.isEmpty)
  }

  @Test func countsSayHowManyVolumesAreInDanger() {
    let (a, b, c, dead) = (Self.node(), Self.node(), Self.node(), Self.node(.silent(for: .seconds(9999))))
    let volumes = [volume(a, b, c), volume(a, b, dead), volume(a, b), volume(a, dead), volume(dead), volume()]
    let plan = plan(volumes, [a, b, c, dead], factor: 3)
    #expect(plan.counts == .init(healthy: 1, underReplicated: 2, atRisk: 1, unavailable: 2))
    let lost = Set(volumes.suffix(2).map(\.id))
    #expect(plan.tasks.allSatisfy { !lost.contains($0.volume) })
    // The one with a single replica comes first.
    #expect(plan.tasks.first?.volume == volumes[3].id)
  }

  @Test func oneReplicaIsHealthyWhereOneIsWanted() {
    let node = Self.node()
    #expect(plan([volume(node)], [node], factor: 1).counts == .init(healthy: 1))
  }

  @Test func newReplicaGoesToAZoneWithoutOne() {
    let nodes = ["a", "a", "b", "b", "c"].map { Self.node(zone: $0) }
    for _ in 0..<20 {
      let plan = plan([volume(nodes[0], nodes[2])], nodes, factor: 3)
      guard case .replicate(_, _, let target, _)? = plan.tasks.first else {
        Issue.record("nothing planned")
        return
      }
      #expect(target == nodes[4].report.node)
    }
  }

  @Test func copiesOfOnePlanSpreadOverTheNodes() {
    let source = Self.node()
    let spares = (0..<4).map { _ in Self.node() }
    let volumes = (0..<40).map { _ in
      Volume(id: .make(), nodes: [source.report.node], replicasWanted: 2, state: .sealed)
    }
    for policy in [PlacementPolicy.balanced, .leastBlobs] {
      var random = SeededGenerator.forTest()
      var nodes = [source] + spares
      nodes[0].report.blobCount = 4000
      nodes[0].report.volumeCount = 40
      let plan = RepairPlan(
        volumes: volumes, nodes: nodes, settings: Self.settings(policy), using: &random)
      let counts = plan.nodes.dropFirst().map(\.report.volumeCount)
      #expect(counts.reduce(0, +) == 40 && counts.allSatisfy { $0 > 2 }, "\(policy): \(counts)")
    }
  }
}
