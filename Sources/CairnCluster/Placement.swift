package import CairnModel

/// Chooses the nodes for replicas of a volume. Pure: the same candidates and random numbers give the same choice.
package enum Placement {
  /// Picks `count` distinct nodes, in distinct zones as long as there are enough.
  ///
  /// - Parameters:
  ///   - count: new replicas; fewer are returned where fewer candidates are writable.
  ///   - candidates: active nodes. Those that are read-only or full are passed over.
  ///   - existing: nodes that keep a replica: they are not chosen again, and their zones count as used.
  ///   - volume: decides with ``PlacementPolicy/consistentHash``, and only there.
  ///   - ring: for the same policy: a ring that the caller has already, of these candidates and perhaps more nodes.
  package static func choose(
    _ count: Int, from candidates: [NodeReport], keeping existing: [NodeReport] = [], for volume: VolumeID,
    policy: PlacementPolicy, ring: HashRing? = nil, using random: inout some RandomNumberGenerator
  ) -> [NodeReport] {
    var known = Set(existing.map(\.node))
    var rest = candidates.filter { !$0.readOnly && $0.available > 0 && known.insert($0.node).inserted }
    if policy == .consistentHash {
      let ring = ring ?? HashRing(rest.map(\.node))
      return walk(ring, from: volume, count, among: rest, keeping: existing)
    }
    var zones = ZoneSpread(of: existing)
    var chosen: [NodeReport] = []
    while chosen.count < count {
      let eligible = zones.leastUsed(of: rest)
      guard let index = pick(from: eligible, of: rest, by: policy, using: &random) else { break }
      let node = rest.remove(at: index)
      zones.add(node)
      chosen.append(node)
    }
    return chosen
  }

  /// The first `count` nodes on the ring, skipping those in zones with more replicas than other zones have.
  static func walk(
    _ ring: HashRing, from volume: VolumeID, _ count: Int, among nodes: [NodeReport],
    keeping existing: [NodeReport] = []
  ) -> [NodeReport] {
    let reports = Dictionary(nodes.map { ($0.node, $0) }, uniquingKeysWith: { first, _ in first })
    var rest = ring.nodes(from: volume).compactMap { reports[$0] }
    var zones = ZoneSpread(of: existing)
    var chosen: [NodeReport] = []
    while chosen.count < count, let index = zones.leastUsed(of: rest).first {
      let node = rest.remove(at: index)
      zones.add(node)
      chosen.append(node)
    }
    return chosen
  }

  /// One of `eligible`, indices into `nodes`; nil when there is none.
  private static func pick(
    from eligible: [Int], of nodes: [NodeReport], by policy: PlacementPolicy,
    using random: inout some RandomNumberGenerator
  ) -> Int? {
    switch policy {
    case .balanced:
      // The draws weighted by free space keep the fill even on average, taking the emptier of two ("the power of two
      // choices", Mitzenmacher 2001) keeps the nodes close to that average. Emptier as a share of the disk: comparing
      // bytes would fill the largest disk first.
      guard let first = draw(from: eligible, of: nodes, using: &random),
        let second = draw(from: eligible, of: nodes, using: &random)
      else { return nil }
      return freeShare(nodes[second]) > freeShare(nodes[first]) ? second : first
    case .random, .consistentHash:
      return eligible.randomElement(using: &random)
    case .leastBlobs:
      let fewest = eligible.lazy.map { nodes[$0].blobCount }.min()
      return eligible.filter { nodes[$0].blobCount == fewest }.randomElement(using: &random)
    }
  }

  /// One of `eligible`, each with a chance in proportion to its free space.
  private static func draw(
    from eligible: [Int], of nodes: [NodeReport], using random: inout some RandomNumberGenerator
  ) -> Int? {
    let total = eligible.reduce(0) { $0 + Double(nodes[$1].available) }
    guard total > 0 else { return nil }
    var point = Double.random(in: 0..<total, using: &random)
    for index in eligible {
      point -= Double(nodes[index].available)
      if point < 0 { return index }
    }
    // Rounding may leave a rest of nearly nothing behind the last one.
    return eligible.last
  }

  private static func freeShare(_ node: NodeReport) -> Double {
    Double(node.available) / Double(max(node.capacity, node.available, 1))
  }
}
