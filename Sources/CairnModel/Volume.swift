/// A volume as the catalog knows it: which nodes hold a replica, and whether it takes appends.
///
/// Every replica in the list has every record of the volume that was ever acknowledged.
package struct Volume: Hashable, Sendable {
  package enum State: UInt8, Sendable {
    case open = 0
    case sealed = 1
  }

  package let id: VolumeID
  package var nodes: [NodeID]
  /// How many replicas it should have.
  package var replicasWanted: Int
  package var state: State

  /// - Parameter replicasWanted: nil for as many as there are.
  package init(id: VolumeID, nodes: [NodeID], replicasWanted: Int? = nil, state: State = .open) {
    self.id = id
    self.nodes = nodes
    self.replicasWanted = max(replicasWanted ?? nodes.count, 1)
    self.state = state
  }

  /// Replicas that are still to be made, perhaps on nodes that the cluster doesn't have yet.
  package var missingReplicas: Int { max(replicasWanted - nodes.count, 0) }

  package var isDegraded: Bool { missingReplicas > 0 }
}
