package import CairnModel
internal import Synchronization

/// A volume as a node reports it.
package struct VolumeSummary: Hashable, Sendable {
  package var id: VolumeID
  package var state: Volume.State
  /// Writing or syncing failed: it takes no more appends, although the catalog may still think so.
  package var failure: SystemError?
  /// Bytes of the log file.
  package var logBytes: UInt64
  /// Bytes of the records that something may refer to.
  package var liveBytes: UInt64
  /// Bytes that compaction would give back.
  package var garbageBytes: UInt64
  /// Heads and chunks that something may refer to.
  package var blobCount: UInt64
  /// What ``VolumeStore/scan(_:from:_:)`` takes to go on from here. Never moves back.
  package var durableEnd: UInt64
  /// Blobs that are known to be damaged, and damaged ranges of which no one knows whose they were, as found when the
  /// log was last read through.
  package var damagedCount: Int
}

extension StoredVolume {
  var summary: VolumeSummary {
    state.withLock { state in
      VolumeSummary(
        id: id, state: state.isSealed ? .sealed : .open, failure: state.failure, logBytes: state.end,
        liveBytes: state.totals.liveBytes, garbageBytes: state.totals.deadBytes, blobCount: state.totals.liveCount,
        durableEnd: state.replayEnd, damagedCount: state.allDamagedCount)
    }
  }
}

extension VolumeStore {
  /// Every replica on this node, as others are told of it, in order of the ids.
  package func replicas() -> [ReplicaSummary] {
    volumes().map { ReplicaSummary($0) }
  }

  /// Those of `ids` that are still here.
  package func replicas(_ ids: some Sequence<VolumeID>) -> [ReplicaSummary] {
    ids.compactMap { volume($0).map { ReplicaSummary($0) } }
  }

  /// The ids of every volume on this node, in their order.
  package var volumeIDs: [VolumeID] { volumesByID.withLock { Array($0.keys) }.sorted() }
}

extension ReplicaSummary {
  fileprivate init(_ volume: VolumeSummary) {
    self.init(
      id: volume.id, state: volume.state, isFailed: volume.failure != nil, logBytes: volume.logBytes,
      liveBytes: volume.liveBytes, garbageBytes: volume.garbageBytes, blobCount: volume.blobCount,
      durableEnd: volume.durableEnd, damagedCount: UInt64(clamping: volume.damagedCount))
  }
}
