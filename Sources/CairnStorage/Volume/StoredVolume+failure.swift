internal import CairnModel
internal import Logging
internal import NIOCore
internal import Synchronization

extension StoredVolume {
  /// Takes back what a failed write left in the log. Only on the volume's writer.
  ///
  /// - Returns: what to answer: ``StorageError/readOnly(free:reserve:)`` where the disk is full, and then the volume
  ///   stays in use.
  func writeFailed(_ error: SystemError, _ file: OpenFile, end: UInt64) -> StorageError {
    guard error.isOutOfSpace, truncate(file, to: end) else { return fail(error, file, end: end) }
    logger.warning("the disk is full", metadata: ["error": "\(error)"])
    return context.space.exhausted()
  }

  /// Gives the volume up for writing. Only on the volume's writer.
  ///
  /// After a failed sync the kernel may call pages clean that never reached the disk, so that a second sync would
  /// succeed and mean nothing: what was not synced is cut off and never tried again.
  func syncFailed(_ error: SystemError, _ file: OpenFile, end: UInt64) -> StorageError {
    fail(error, file, end: end)
  }

  private func fail(_ error: SystemError, _ file: OpenFile, end: UInt64) -> StorageError {
    state.withLock { $0.failure = $0.failure ?? error }
    let isTruncated = truncate(file, to: end)
    // Best effort: a node that starts again should not try its luck with this log.
    let isMarked = (try? writeSealMark(file, end: end)) != nil
    logger.error(
      "volume takes no more writes",
      metadata: ["error": "\(error)", "end": "\(end)", "truncated": "\(isTruncated)", "seal_mark": "\(isMarked)"])
    return .volumeFailed(id, error)
  }

  private func truncate(_ file: OpenFile, to end: UInt64) -> Bool {
    state.withLock { $0.extendedEnd = 0 }
    return (try? file.truncate(to: end)) != nil
  }

  /// Writes the seal mark and syncs the log.
  func writeSealMark(_ file: OpenFile, end: UInt64) throws(SystemError) {
    let mark = LogHeader.sealMark(end: end)
    try mark.withReadableBytes { (bytes) throws(SystemError) in try file.write(bytes, at: LogHeader.sealOffset) }
    try file.sync()
  }
}
