import CairnModel
import Testing

@testable import CairnRepair

/// Replicas that no list names are dropped after a grace, which begins anew when they were needed meanwhile.
@Suite struct SurplusReplicasTests {
  private static let volume = VolumeID.make()
  private static let (listed, other) = (NodeID.make(), NodeID.make())
  private static let start = ContinuousClock.now

  private static func replicas(on nodes: [NodeID]) -> ReplicaFindings.Replicas {
    let replica = ReplicaSummary(
      id: volume, state: .sealed, isFailed: false, logBytes: 0, liveBytes: 0, garbageBytes: 0, blobCount: 0,
      durableEnd: 0, damagedCount: 0)
    return Dictionary(nodes.map { ($0, [volume: replica]) }, uniquingKeysWith: { $1 })
  }

  private static func look(
    _ surplus: inout SurplusReplicas, listing nodes: [NodeID] = [listed], on holders: [NodeID] = [listed, other],
    after seconds: Int
  ) -> [NodeID] {
    surplus.take([volume: Volume(id: volume, nodes: nodes)], replicas(on: holders), at: start + .seconds(seconds))
      .map(\.node)
  }

  @Test func aReplicaIsDueWhenItsGraceIsOver() {
    var surplus = SurplusReplicas(grace: .seconds(10))
    #expect(Self.look(&surplus, after: 0).isEmpty)
    #expect(Self.look(&surplus, after: 9).isEmpty)
    #expect(Self.look(&surplus, after: 10) == [Self.other])
  }

  @Test func oneThatWasListedAgainBeginsAnew() {
    var surplus = SurplusReplicas(grace: .seconds(10))
    #expect(Self.look(&surplus, after: 0).isEmpty)
    #expect(Self.look(&surplus, listing: [Self.listed, Self.other], after: 5).isEmpty)
    #expect(Self.look(&surplus, after: 20).isEmpty)
    #expect(Self.look(&surplus, after: 30) == [Self.other])
  }

  @Test func oneThatVanishedBeginsAnew() {
    var surplus = SurplusReplicas(grace: .seconds(10))
    #expect(Self.look(&surplus, after: 0).isEmpty)
    #expect(Self.look(&surplus, on: [Self.listed], after: 5).isEmpty)
    #expect(Self.look(&surplus, after: 20).isEmpty)
    #expect(Self.look(&surplus, after: 30) == [Self.other])
  }
}
