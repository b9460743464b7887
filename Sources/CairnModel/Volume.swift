/// A volume as the catalog knows it: which nodes hold a replica, and whether it takes appends.
package struct Volume: Hashable, Sendable {
  package enum State: UInt8, Sendable {
    case open = 0
    case sealed = 1
  }

  package let id: VolumeID
  package var nodes: [NodeID]
  package var state: State

  package init(id: VolumeID, nodes: [NodeID], state: State = .open) {
    self.id = id
    self.nodes = nodes
    self.state = state
  }
}
