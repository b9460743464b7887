package import CairnModel

/// A change of a volume's replicas, planned by ``RepairPlan`` and ``RebalancePlan``.
///
/// A plan is made from a snapshot. Whoever performs a task looks at the volume again first, and drops the task if the
/// volume's nodes have changed. Tasks of one volume are performed in the order of the plan.
package enum RepairTask: Hashable, Sendable {
  /// Copy the volume to a node that has no replica, then change its list of nodes.
  ///
  /// A volume that is still open is sealed before it is copied, and no append may be under way then: the copy of an open
  /// volume could lack records that were acknowledged meanwhile.
  ///
  /// - Parameters:
  ///   - from: nodes to read from, the best one first; never empty.
  ///   - to: the new node.
  ///   - replacing: the node that leaves the list in the same step in which `to` enters it; nil when the list grows. Its
  ///     replica, where it is still reachable, is deleted after that.
  case replicate(VolumeID, from: [NodeID], to: NodeID, replacing: NodeID?)

  /// Take a draining node off the list of a volume that has enough replicas without it, and delete its replica.
  case retire(VolumeID, from: NodeID)

  package var volume: VolumeID {
    switch self {
    case .replicate(let volume, _, _, _), .retire(let volume, _): volume
    }
  }

  /// Whether a volume gets a replica that it never had: what was written while too few nodes were there goes first.
  package var isGrowth: Bool {
    if case .replicate(_, _, _, replacing: nil) = self { true } else { false }
  }
}
