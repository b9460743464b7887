internal import CairnModel
internal import Synchronization

extension StoredVolume {
  /// Whether tombstones of the log have marked garbage, here or in other volumes, that no index file knows of yet.
  /// Once the log is gone nothing could mark it again.
  var hasUncheckedTombstones: Bool {
    state.withLock { state in state.index.entries(from: state.durablyMarkedEnd).contains { $0.isTombstone } }
  }

  /// Removes the files, durably, and gives the memory of the index back. Waits for whoever writes the index file or
  /// rewrites the log. Blocks.
  func removeFiles() throws(StorageError) {
    try maintenance.withLock { (_) throws(StorageError) in
      // Under this lock nobody opens the log by its path, so that none is opened that is made in its place.
      try opening.withLock { (_) throws(StorageError) in
        // The log first: a start takes an index without a log for what is left over, a log without an index for a
        // volume.
        try paths.directory.remove(paths.logName)
        try paths.directory.sync()
        try paths.directory.remove(paths.indexName)
        try paths.removeTemporaries()
        try paths.directory.sync()
        state.withLock { state in
          state.file = nil
          state.index = BlobIndex()
          state.dying = []
          state.totals = VolumeTotals()
        }
      }
    }
  }
}
