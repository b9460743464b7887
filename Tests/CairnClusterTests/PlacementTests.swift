import CairnCluster
import CairnModel
import CairnTestSupport
import Testing

@Suite struct PlacementTests {
  static func report(available: UInt64, readOnly: Bool = false, node: NodeID = .make()) -> NodeReport {
    NodeReport(
      node: node, incarnation: 1, address: "127.0.0.1", port: 1, zone: "default", storagePath: "/data",
      capacity: 1 << 40, available: available, readOnly: readOnly, blobCount: 0, volumeCount: 0)
  }

  @Test(arguments: 0..<20 as Range<UInt64>)
  func replicasAreDistinctAndWritable(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let nodes = (0..<8).map { Self.report(available: UInt64($0) << 30, readOnly: $0 == 7) }
    for count in 1...10 {
      let chosen = Placement.balanced(nodes, count: count, using: &random)
      #expect(Set(chosen.map(\.node)).count == chosen.count)
      #expect(chosen.count == min(count, 6))
      #expect(chosen.allSatisfy { !$0.readOnly && $0.available > 0 })
    }
  }

  @Test func emptierNodesGetMore() {
    var random = SeededGenerator(seed: 1)
    let full = Self.report(available: 1 << 30)
    let empty = Self.report(available: 1 << 40)
    var count = 0
    for _ in 0..<1000 where Placement.balanced([full, empty], count: 1, using: &random).first?.node == empty.node {
      count += 1
    }
    // The emptier of two random ones of two: three times in four.
    #expect((700...800).contains(count))
  }

  @Test func nothingIsPlacedOnNothing() {
    var random = SeededGenerator(seed: 1)
    #expect(Placement.balanced([], count: 3, using: &random).isEmpty)
  }
}
