internal import CairnModel

/// How many replicas of one volume stand in each zone.
struct ZoneSpread {
  private var replicas: [String: Int] = [:]

  init(of nodes: some Sequence<NodeReport>) {
    for node in nodes { add(node) }
  }

  mutating func add(_ node: NodeReport) {
    replicas[node.zone, default: 0] += 1
  }

  /// The replicas in the zone where `node` stands.
  func replicas(beside node: NodeReport) -> Int {
    replicas[node.zone] ?? 0
  }

  /// Indices of the nodes in the zones with the fewest replicas: unused zones while there are any, then an even spread.
  func leastUsed(of nodes: [NodeReport]) -> [Int] {
    guard let fewest = nodes.lazy.map({ replicas(beside: $0) }).min() else { return [] }
    return nodes.indices.filter { replicas(beside: nodes[$0]) == fewest }
  }
}
