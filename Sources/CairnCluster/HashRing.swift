package import CairnModel

/// A ring of node ids with virtual nodes (Karger et al. 1997): where it puts a volume hardly changes with the nodes.
///
/// Positions are part of what a cluster agrees on: another process, or a later version, has to compute the same ones.
/// So they come from functions written down here, never from `Hasher`.
package struct HashRing: Sendable {
  /// Virtual nodes of a node. The shares of the nodes differ by about 1/√256, 6 %; a ring of 100 nodes takes 400 KiB.
  package static let pointsPerNode = 256

  private struct Point: Sendable {
    let position: UInt64
    /// An index into ``HashRing/nodes``.
    let node: Int
  }

  private let nodes: [NodeID]
  private let points: [Point]

  /// - Parameter nodes: in any order; twice is the same as once.
  package init(_ nodes: some Sequence<NodeID>) {
    let nodes = Set(nodes).sorted()
    self.nodes = nodes
    var points: [Point] = []
    points.reserveCapacity(nodes.count * Self.pointsPerNode)
    for (index, node) in nodes.enumerated() {
      let hash = Self.hash(node)
      for point in 0..<Self.pointsPerNode {
        points.append(Point(position: Self.position(hash, point), node: index))
      }
    }
    // Two nodes may share a position: the lesser id comes first, whatever the order in which they were given.
    self.points = points.sorted { ($0.position, $0.node) < ($1.position, $1.node) }
  }

  /// All nodes in the order in which the ring is walked from the volume's position. A ring with more nodes gives the same
  /// order with the others in between.
  package func nodes(from volume: VolumeID) -> [NodeID] {
    let start = firstPoint(atOrAfter: Self.position(of: volume))
    var isSeen = [Bool](repeating: false, count: nodes.count)
    var order: [NodeID] = []
    order.reserveCapacity(nodes.count)
    var step = 0
    while order.count < nodes.count, step < points.count {
      let node = points[(start + step) % points.count].node
      step += 1
      guard !isSeen[node] else { continue }
      isSeen[node] = true
      order.append(nodes[node])
    }
    return order
  }

  private func firstPoint(atOrAfter position: UInt64) -> Int {
    var low = 0
    var high = points.count
    while low < high {
      let middle = (low + high) / 2
      if points[middle].position < position { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// FNV-1a of the id's digits.
  private static func hash(_ node: NodeID) -> UInt64 {
    node.description.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
  }

  /// FNV-1a goes on with the number of the point; then MurmurHash3's finalizer, as FNV-1a hardly spreads its last bytes.
  private static func position(_ hash: UInt64, _ point: Int) -> UInt64 {
    var value = hash
    for byte in [UInt64(point) & 0xFF, UInt64(point) >> 8] { value = (value ^ byte) &* 0x0000_0100_0000_01B3 }
    value = (value ^ value >> 33) &* 0xFF51_AFD7_ED55_8CCD
    value = (value ^ value >> 33) &* 0xC4CE_B9FE_1A85_EC53
    return value ^ value >> 33
  }

  /// SplitMix64 (Steele, Lea and Flood, 2014): another function than that of the nodes, so that no choice of ids makes
  /// volumes fall on the points of one node.
  private static func position(of volume: VolumeID) -> UInt64 {
    var value = volume.rawValue &+ 0x9E37_79B9_7F4A_7C15
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}
