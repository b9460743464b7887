package import CairnModel

/// Chooses the nodes for a new volume. Pure: the same candidates and random numbers give the same choice.
package enum Placement {
  /// Picks `count` distinct nodes, each the emptier of two random ones ("the power of two choices", Mitzenmacher 2001).
  ///
  /// - Parameters:
  ///   - candidates: active nodes.
  ///   - count: replicas; fewer are returned where there are fewer writable nodes.
  package static func balanced(
    _ candidates: [NodeReport], count: Int, using random: inout some RandomNumberGenerator
  ) -> [NodeReport] {
    var rest = candidates.filter { !$0.readOnly && $0.available > 0 }
    var chosen: [NodeReport] = []
    while chosen.count < count, !rest.isEmpty {
      let first = Int.random(in: rest.indices, using: &random)
      let second = Int.random(in: rest.indices, using: &random)
      let emptier = rest[second].available > rest[first].available ? second : first
      chosen.append(rest.remove(at: emptier))
    }
    return chosen
  }
}
