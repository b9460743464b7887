package import CairnModel

/// Moves of volumes that make the fill of the nodes even, or put volumes where the ring wants them. Pure.
///
/// Once its moves are done, planning again gives no further ones: when it stops is decided by the state alone.
package struct RebalancePlan: Sendable {
  /// A volume and the bytes that each of its replicas takes.
  package struct SizedVolume: Hashable, Sendable {
    package var volume: Volume
    package var size: UInt64

    package init(volume: Volume, size: UInt64) {
      self.volume = volume
      self.size = size
    }
  }

  /// The fill (used / capacity) of two nodes may differ by so much. Closer would move bytes for nothing: writes and
  /// deletions disturb it again.
  package static let fillDifferenceMax = 0.05

  /// Moves: ``RepairTask/replicate(_:from:to:replacing:)`` with the node that gives the volume away as the replaced one.
  package let tasks: [RepairTask]

  /// - Parameters:
  ///   - volumes: open ones are left alone, they get other writes soon; so are those with a replica on a node that isn't
  ///     active, whose repair comes first.
  ///   - nodes: every node that is known. Only active ones give and take.
  package init(volumes: [SizedVolume], nodes: [NodeStatus], policy: PlacementPolicy) {
    var moves = PlannedMoves(volumes: volumes, nodes: nodes)
    if policy == .consistentHash {
      moves.followRing()
    } else {
      moves.evenFill(within: Self.fillDifferenceMax)
    }
    tasks = moves.tasks
  }
}
