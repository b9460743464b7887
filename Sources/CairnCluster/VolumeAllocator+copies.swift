package import CairnModel
internal import Synchronization

/// What becomes of volumes that lack replicas, because writes don't wait for them (`REPLICATION_MODE=async`) or because
/// too few nodes were there: as soon as a node can take a replica they are sealed, and handed out to be copied.
extension VolumeAllocator {
  /// Notes that a record is durable in `volume`.
  ///
  /// - Parameter bytes: of the record.
  package func appended(_ bytes: Int, to volume: Volume) {
    guard volume.isDegraded else { return }
    state.withLock { state in
      // One that was sealed meanwhile is handed out already.
      guard state.open[volume.id] != nil else { return }
      state.copies.appended(bytes, to: volume, at: .now)
    }
  }

  /// Seals the volumes whose time has come.
  ///
  /// - Parameter isLast: seals all that have got records.
  package func sealDueVolumes(isLast: Bool = false) async {
    let targets = targets
    let due = state.withLock { isLast ? $0.copies.all : $0.copies.due(at: .now, among: targets) }
    // At once: a node that doesn't answer must not hold up the volumes of others.
    await withTaskGroup(of: Void.self) { group in
      for volume in due { group.addTask { await self.seal(volume) } }
    }
  }

  /// Takes the sealed volumes that lack replicas, for which there is a node now, and that were not taken yet.
  package func takeVolumesToCopy() -> [Volume] {
    let targets = targets
    return state.withLock { $0.copies.takeSealed(among: targets) }
  }

  /// Gives back one whose copies nobody could be asked for.
  package func giveBack(_ volume: Volume) {
    state.withLock { $0.copies.sealed(volume) }
  }

  /// The nodes that can take a replica now.
  private var targets: Set<NodeID> { Set(view.activeNodes.filter(\.takesData).map(\.report.node)) }
}
