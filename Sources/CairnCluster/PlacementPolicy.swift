/// How the nodes of a volume are chosen (`PLACEMENT_POLICY`). Every policy spreads the replicas over zones first.
package enum PlacementPolicy: String, CaseIterable, Hashable, Sendable {
  /// The emptier of two random nodes, weighted by free space: disks of different sizes fill up evenly.
  case balanced
  /// Every node with the same chance.
  case random
  /// The nodes with the fewest blobs.
  case leastBlobs = "least-blobs"
  /// Where a ring of the node ids puts the volume's id: a new node takes its share from all others, and no volume moves
  /// between those.
  case consistentHash = "consistent-hash"
}
