internal import CairnModel

extension PlannedMoves {
  /// Moves each volume to the nodes that the ring names for as many replicas as the volume has.
  ///
  /// The ring has the silent nodes too, and those that are full: a node that comes back, or has room again, finds its
  /// volumes where they were. Nothing is moved to it meanwhile.
  mutating func followRing() {
    let ring = HashRing(staying.map(\.node))
    let wanted = volumes.map { sized in
      Placement.walk(ring, from: sized.volume.id, sized.volume.nodes.count, among: staying).map(\.node)
    }
    var planned = -1
    // A move makes room on the node that it leaves, perhaps for a volume that was passed over.
    while planned < tasks.count {
      planned = tasks.count
      for index in volumes.indices { follow(wanted[index], index) }
    }
  }

  private mutating func follow(_ wanted: [NodeID], _ index: Int) {
    for target in wanted where !volumes[index].volume.nodes.contains(target) {
      let leaving = volumes[index].volume.nodes.filter { !wanted.contains($0) }
      // One of the same zone first, so that the zones stay distinct between two moves as well.
      let zone = active[target]?.zone
      let source =
        leaving.first { active[$0]?.zone == zone && allows(index, from: $0, to: target) }
        ?? leaving.first { allows(index, from: $0, to: target) }
      if let source { move(index, from: source, to: target) }
    }
  }
}
