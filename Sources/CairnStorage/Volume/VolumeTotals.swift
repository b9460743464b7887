/// Sums over the entries of an index.
struct VolumeTotals: Hashable, Sendable {
  /// Heads and chunks that something may refer to.
  var liveCount: UInt64 = 0
  /// Bytes of their records.
  var liveBytes: UInt64 = 0
  /// Bytes of records that wait for compaction.
  var deadBytes: UInt64 = 0

  mutating func add(_ entry: IndexEntry) {
    switch entry.life {
    case .live where !entry.isTombstone:
      liveCount += 1
      liveBytes += entry.paddedLength
    case .live, .dying: break
    case .dead: deadBytes += entry.paddedLength
    }
  }

  mutating func remove(_ entry: IndexEntry) {
    switch entry.life {
    case .live where !entry.isTombstone:
      liveCount -= 1
      liveBytes -= entry.paddedLength
    case .live, .dying: break
    case .dead: deadBytes -= entry.paddedLength
    }
  }
}

extension VolumeTotals {
  init(_ index: BlobIndex) {
    for segment in index.segments {
      for entry in segment { add(entry) }
    }
  }
}
