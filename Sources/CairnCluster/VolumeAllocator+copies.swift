package import CairnModel
internal import Synchronization

/// What becomes of volumes that begin with one replica (`REPLICATION_MODE=async`): they take records for a short time,
/// are sealed, and are handed out to be copied.
extension VolumeAllocator {
  /// Notes that a record is durable in `volume`.
  ///
  /// - Parameter bytes: of the record.
  package func appended(_ bytes: Int, to volume: Volume) {
    guard replication.mode == .async, isDegraded(volume) else { return }
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
    let due = state.withLock { isLast ? $0.copies.all : $0.copies.due(at: .now) }
    // At once: a node that doesn't answer must not hold up the volumes of others.
    await withTaskGroup(of: Void.self) { group in
      for volume in due { group.addTask { await self.seal(volume) } }
    }
  }

  /// Takes the sealed volumes that lack replicas and were not taken yet.
  package func takeVolumesToCopy() -> [Volume] {
    state.withLock { $0.copies.takeSealed() }.filter(isDegraded)
  }

  /// Gives back one whose copies nobody could be asked for.
  package func giveBack(_ volume: Volume) {
    state.withLock { $0.copies.sealed(volume) }
  }
}
