import CairnCluster
import CairnModel
import CairnTestSupport
import Testing

@Suite struct PlacementTests {
  static func report(
    available: UInt64, readOnly: Bool = false, node: NodeID = .make(), zone: String = "default",
    capacity: UInt64 = 1 << 40, blobCount: UInt64 = 0
  ) -> NodeReport {
    NodeReport(
      node: node, incarnation: 1, address: "127.0.0.1", port: 1, zone: zone, storagePath: "/data",
      capacity: capacity, available: available, readOnly: readOnly, blobCount: blobCount, volumeCount: 0)
  }

  @Test(arguments: PlacementPolicy.allCases)
  func replicasAreOnDistinctWritableNodes(policy: PlacementPolicy) {
    var random = SeededGenerator.forTest()
    let nodes = (0..<8).map { Self.report(available: UInt64($0) << 30, readOnly: $0 == 7) }
    for _ in 0..<20 {
      for count in 0...10 {
        // A candidate that is given twice is still one node.
        let chosen = Placement.choose(count, from: nodes + nodes, for: .make(), policy: policy, using: &random)
        #expect(Set(chosen.map(\.node)).count == chosen.count)
        #expect(chosen.count == min(count, 6))
        #expect(chosen.allSatisfy { !$0.readOnly && $0.available > 0 })
      }
    }
  }

  @Test(arguments: PlacementPolicy.allCases)
  func replicasAreInDistinctZonesWhileThereAreEnough(policy: PlacementPolicy) {
    var random = SeededGenerator.forTest()
    for _ in 0..<200 {
      let zones = (0..<Int.random(in: 1...5, using: &random)).map { "zone\($0)" }
      var nodes = zones.map { Self.report(available: 1 << 30, zone: $0) }
      for _ in 0..<Int.random(in: 0...10, using: &random) {
        guard let zone = zones.randomElement(using: &random) else { continue }
        nodes.append(Self.report(available: .random(in: 1...(1 << 40), using: &random), zone: zone))
      }
      nodes.shuffle(using: &random)
      let existing = Array(nodes.prefix(Int.random(in: 0...1, using: &random)))
      let count = Int.random(in: 1...4, using: &random)
      let chosen = Placement.choose(
        count, from: nodes, keeping: existing, for: .make(), policy: policy, using: &random)
      let all = existing + chosen
      #expect(Set(all.map(\.node)).count == all.count)
      #expect(all.count == min(count + existing.count, nodes.count))
      #expect(Set(all.map(\.zone)).count == min(all.count, zones.count))
    }
  }

  @Test(arguments: [1, 2, 3])
  func balancedFillsUnequalDisksEvenly(replicas: Int) throws {
    var random = SeededGenerator.forTest()
    let volumeSize: UInt64 = 1 << 30
    // Between 2 and 8 TiB, shared out so that 10,000 volumes fill about half.
    let shares: [UInt64] = [2, 2, 3, 4, 4, 5, 6, 8]
    let unit = 10_000 * UInt64(replicas) * volumeSize * 2 / shares.reduce(0, +)
    var nodes = shares.map { Self.report(available: $0 * unit, capacity: $0 * unit) }
    for _ in 0..<10_000 {
      for chosen in Placement.choose(replicas, from: nodes, for: .make(), policy: .balanced, using: &random) {
        let index = try #require(nodes.firstIndex { $0.node == chosen.node })
        nodes[index].available -= volumeSize
      }
    }
    let fills = nodes.map { 1 - Double($0.available) / Double($0.capacity) }
    let difference = try #require(fills.max()) - (try #require(fills.min()))
    #expect(difference < 0.1, "\(fills)")
  }

  @Test func balancedFillsANewNodeFirst() {
    var random = SeededGenerator(seed: 1)
    let full = Self.report(available: 1 << 38)
    let empty = Self.report(available: 1 << 40)
    var count = 0
    for _ in 0..<1000 {
      let chosen = Placement.choose(1, from: [full, empty], for: .make(), policy: .balanced, using: &random)
      if chosen.first?.node == empty.node { count += 1 }
    }
    // Both draws have to miss four fifths for the full one to be chosen: 96 %.
    #expect((930...990).contains(count))
  }

  @Test func randomGivesEveryNodeTheSame() {
    var random = SeededGenerator.forTest()
    let nodes = (1...5).map { Self.report(available: UInt64($0) << 30) }
    var counts: [NodeID: Int] = [:]
    for _ in 0..<10_000 {
      for chosen in Placement.choose(1, from: nodes, for: .make(), policy: .random, using: &random) {
        counts[chosen.node, default: 0] += 1
      }
    }
    #expect(counts.count == 5 && counts.values.allSatisfy { (1700...2300).contains($0) }, "\(counts.values)")
  }

  @Test func leastBlobsEvensOutTheCounts() throws {
    var random = SeededGenerator.forTest()
    var nodes = (0..<6).map { _ in
      Self.report(available: 1 << 30, blobCount: .random(in: 0...500, using: &random))
    }
    for _ in 0..<2000 {
      for chosen in Placement.choose(2, from: nodes, for: .make(), policy: .leastBlobs, using: &random) {
        let index = try #require(nodes.firstIndex { $0.node == chosen.node })
        nodes[index].blobCount += 1
      }
    }
    let counts = nodes.map(\.blobCount)
    #expect(try #require(counts.max()) - (try #require(counts.min())) <= 1, "\(counts)")
  }

  @Test(arguments: PlacementPolicy.allCases)
  func sameGeneratorGivesTheSameChoice(policy: PlacementPolicy) {
    var random = SeededGenerator.forTest()
    let nodes = (1...9).map { Self.report(available: UInt64($0) << 30, zone: "zone\($0 % 3)", blobCount: 7) }
    for _ in 0..<50 {
      let volume = VolumeID.random(using: &random)
      var left = SeededGenerator(seed: volume.rawValue)
      var right = left
      let first = Placement.choose(3, from: nodes, for: volume, policy: policy, using: &left)
      let second = Placement.choose(3, from: nodes, for: volume, policy: policy, using: &right)
      #expect(first == second)
    }
  }

  @Test(arguments: PlacementPolicy.allCases)
  func nothingIsPlacedOnNothing(policy: PlacementPolicy) {
    var random = SeededGenerator(seed: 1)
    #expect(Placement.choose(3, from: [], for: .make(), policy: policy, using: &random).isEmpty)
  }
}
