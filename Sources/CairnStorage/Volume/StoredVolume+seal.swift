internal import CairnModel
internal import Logging
internal import Synchronization

extension StoredVolume {
  /// Seals the volume, durably. Only on the volume's writer, so that it takes effect between two batches.
  func performSeal() -> Result<Void, StorageError> {
    let (isSealed, failure, end) = state.withLock { ($0.isSealed, $0.failure, $0.end) }
    if isSealed { return .success(()) }
    do throws(StorageError) {
      let file = try openedFile()
      try trim()
      do throws(SystemError) {
        try writeSealMark(file, end: end)
        context.counters.syncs.increment()
      } catch {
        // With records that no one has been told are durable: what is on the disk is unknown now.
        state.withLock { $0.failure = $0.failure ?? error }
        throw .volumeFailed(id, failure ?? error)
      }
    } catch {
      return .failure(error)
    }
    state.withLock { state in
      state.isSealed = true
      state.syncedEnd = end
    }
    logger.debug("volume sealed", metadata: ["bytes": "\(end)"])
    return .success(())
  }

  /// Brings what `async` durability left in the page cache to the disk. Blocks.
  func syncLog() throws(StorageError) {
    let (end, syncedEnd) = state.withLock { ($0.end, $0.syncedEnd) }
    guard syncedEnd < end, !dropped.isRaised else { return }
    let file = try openedFile()
    do throws(SystemError) {
      try file.sync()
      context.counters.syncs.increment()
    } catch {
      state.withLock { $0.failure = $0.failure ?? error }
      logger.error("volume takes no more writes", metadata: ["error": "\(error)"])
      throw .volumeFailed(id, error)
    }
    state.withLock { $0.syncedEnd = max($0.syncedEnd, end) }
  }
}
