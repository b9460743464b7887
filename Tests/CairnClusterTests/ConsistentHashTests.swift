import CairnCluster
import CairnModel
import CairnTestSupport
import Testing

@Suite struct ConsistentHashTests {
  private static let volumeCount = 4000

  private func volumes(_ random: inout SeededGenerator) -> [VolumeID] {
    (0..<Self.volumeCount).map { _ in .random(using: &random) }
  }

  private func nodes(_ count: Int, zones: Int, _ random: inout SeededGenerator) -> [NodeReport] {
    (0..<count).map { index in
      PlacementTests.report(available: 1 << 30, node: .random(using: &random), zone: "zone\(index % zones)")
    }
  }

  private func place(_ volumes: [VolumeID], _ replicas: Int, on nodes: [NodeReport]) -> [Set<NodeID>] {
    let ring = HashRing(nodes.map(\.node))
    var random = SystemRandomNumberGenerator()
    return volumes.map { volume in
      let chosen = Placement.choose(
        replicas, from: nodes, for: volume, policy: .consistentHash, ring: ring, using: &random)
      return Set(chosen.map(\.node))
    }
  }

  @Test(arguments: [(4, 1), (9, 1), (19, 1)])
  func newNodeTakesItsShareAndNothingElseMoves(count: Int, replicas: Int) throws {
    var random = SeededGenerator.forTest()
    let volumes = volumes(&random)
    let all = nodes(count + 1, zones: 1, &random)
    let new = try #require(all.last).node
    let before = place(volumes, replicas, on: Array(all.dropLast()))
    let after = place(volumes, replicas, on: all)
    let moved = zip(before, after).filter { $0 != $1 }
    #expect(moved.allSatisfy { $1.contains(new) })
    let share = Double(moved.count) / Double(Self.volumeCount)
    let expected = 1 / Double(count + 1)
    #expect(share > expected * 0.6 && share < expected * 1.5, "\(share) moved, expected about \(expected)")
  }

  @Test(arguments: [1, 2, 3, 5])
  func atMostOneReplicaOfAVolumeMovesForOneNode(zones: Int) throws {
    var random = SeededGenerator.forTest()
    let volumes = volumes(&random)
    let all = nodes(10, zones: zones, &random)
    let changed = try #require(all.last).node
    let without = place(volumes, 3, on: Array(all.dropLast()))
    let with = place(volumes, 3, on: all)
    for (without, with) in zip(without, with) {
      #expect(with.count == 3 && without.count == 3)
      // Read from left to right, the node is added; from right to left, it is removed: only its own volumes change.
      #expect(with.contains(changed) ? with.subtracting(without) == [changed] : with == without)
    }
  }

  @Test func nodesGetEqualShares() {
    var random = SeededGenerator.forTest()
    let nodes = nodes(8, zones: 1, &random)
    let counts = place(volumes(&random), 1, on: nodes).reduce(into: [:] as [NodeID: Int]) { counts, chosen in
      for node in chosen { counts[node, default: 0] += 1 }
    }
    let mean = Self.volumeCount / 8
    #expect(counts.count == 8 && counts.values.allSatisfy { $0 > mean * 6 / 10 && $0 < mean * 15 / 10 })
  }

  @Test func orderOfTheNodesDoesNotMatter() {
    var random = SeededGenerator.forTest()
    let volumes = Array(volumes(&random).prefix(200))
    let nodes = nodes(7, zones: 3, &random)
    #expect(place(volumes, 2, on: nodes) == place(volumes, 2, on: nodes.shuffled(using: &random)))
  }

  /// What clusters have on their disks rests on these positions: a change of the functions would move everything.
  @Test func positionsAreTheSameInEveryVersion() throws {
    let ids = try (1...5).map { try #require(NodeID(String(repeating: "\($0)", count: 32))) }
    let ring = HashRing(ids)
    let order = [1, 2, 3, 0xFFFF_FFFF_FFFF_FFFF].map { raw in
      ring.nodes(from: VolumeID(rawValue: raw)).map { "\($0.description.prefix(1))" }.joined()
    }
    #expect(order == ["51234", "13245", "54321", "24531"])
  }
}
