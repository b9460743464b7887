internal import CairnModel
internal import Logging
internal import Synchronization

extension StoredVolume {
  /// Whether a start would have to read much of the log again, or could be spared it for good.
  var isSnapshotDue: Bool {
    guard !dropped.isRaised else { return false }
    return state.withLock { state in
      if state.isSealed {
        return state.snapshotEnd < state.end
          || state.durablyMarkedEnd == state.end && state.snapshotMarkedEnd < state.end
      }
      // Made from the log alone.
      if state.snapshotEnd == 0 { return true }
      // Growing with the log, so that all snapshots of a log together cost about three times the last one.
      return state.end - state.snapshotEnd >= max(context.configuration.snapshotTailMax, state.snapshotEnd / 2)
    }
  }

  /// Whether maintenance failed a moment ago: then trying it each second would only fill the log.
  func isPaused(at time: Timestamp) -> Bool {
    state.withLock { time.nanosecondsSinceEpoch < $0.pausedUntil }
  }

  func pause(from time: Timestamp) {
    state.withLock { $0.pausedUntil = time.nanosecondsSinceEpoch + 60_000_000_000 }
  }

  /// Whether the index file lacks records of the log.
  var hasTail: Bool { state.withLock { $0.snapshotEnd < $0.end } }

  var hasNewMarks: Bool { state.withLock { $0.hasNewMarks } }

  /// Writes the index file anew, durably. Blocks.
  func writeSnapshot() throws(StorageError) {
    try maintenance.withLock { (_) throws(StorageError) in
      // It would bring the index file back.
      guard !dropped.isRaised else { return }
      let (snapshot, hadNewMarks) = state.withLock { state in
        defer { state.hasNewMarks = false }
        return (state.snapshot(of: id), state.hasNewMarks)
      }
      do throws(StorageError) {
        // The index must never know records that the disk may lose.
        try syncLog()
        try snapshot.write(to: paths, operations: context.operations)
        try paths.directory.sync()
      } catch {
        state.withLock { $0.hasNewMarks = $0.hasNewMarks || hadNewMarks }
        throw error
      }
      state.withLock { state in
        state.snapshotEnd = snapshot.logEnd
        state.snapshotMarkedEnd = snapshot.markedTo
      }
      context.counters.snapshots.increment()
      logger.debug(
        "index written", metadata: ["entries": "\(snapshot.index.count)", "log_end": "\(snapshot.logEnd)"])
    }
  }
}

extension StoredVolume.State {
  /// Costs O(1): the copy shares the segments of the index.
  func snapshot(of volume: VolumeID) -> IndexSnapshot {
    IndexSnapshot(
      volume: volume, generation: header.generation, logEnd: end, markedTo: durablyMarkedEnd,
      damagedCount: unindexedDamageCount, index: index, dying: dying)
  }
}
