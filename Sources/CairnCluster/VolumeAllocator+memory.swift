package import CairnModel
internal import Synchronization

/// What is left of the lists of volumes when the catalog is lost.
extension VolumeAllocator {
  /// A list of all volumes may lack one that was made meanwhile, by a clock that differs.
  private static let listingTimeMax: UInt64 = 600_000

  /// Remembers the volumes of a catalog that was whole a moment ago, and forgets all others.
  package func remember(_ volumes: [Volume]) {
    let now = Timestamp.now().millisecondsSinceEpoch
    state.withLock { state in
      let new = state.known.filter { id, _ in
        let (end, isFar) = id.createdAt.millisecondsSinceEpoch.addingReportingOverflow(Self.listingTimeMax)
        return isFar || end > now
      }
      state.known = Dictionary(volumes.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
      state.known.merge(new) { listed, _ in listed }
    }
  }
}
