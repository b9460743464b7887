internal import CairnModel
internal import Glibc
internal import Logging
internal import NIOCore
internal import Synchronization

/// A log that is rewritten without its garbage.
private struct Rewrite {
  var header: LogHeader
  var index: BlobIndex
  var dying: ContiguousArray<DyingEntry> = []
  var end = UInt64(LogHeader.length)
  /// Where the tombstones are whose marks are not durable yet.
  var durablyMarkedEnd: UInt64?
}

extension StoredVolume {
  /// Whether enough of the log is garbage. Only sealed logs are rewritten: in them nothing but marks can change. A
  /// damaged one isn't: what it lost would be forgotten.
  var isCompactionDue: Bool {
    guard !dropped.isRaised else { return false }
    return state.withLock { state in
      guard state.isRewritable, state.allDamagedCount == 0 else { return false }
      let records = state.end - UInt64(LogHeader.length)
      guard records > 0, state.totals.deadBytes > 0 else { return false }
      return Double(state.totals.deadBytes) >= context.configuration.compactionThreshold * Double(records)
    }
  }

  /// Rewrites the log without dead records, and puts the new one in its place. Tombstones stay: the catalog can't be
  /// rebuilt without them. So does a volume in which nothing lives, as a log without records: it remembers that it
  /// was sealed. Blocks.
  ///
  /// A crash leaves the old log or the new one, each whole. Readers of the old one go on with it.
  ///
  /// - Parameter leavingDamageOut: also without records that are known to be damaged and ranges that are nobody's, so
  ///   that nothing tells of them any more.
  /// - Returns: bytes given back; nil when a record is damaged (then the log must be repaired first) or there is no
  ///   room for the new log.
  /// - Throws: ``StorageError/io(_:path:)``; the old log stays in use.
  func compact(leavingDamageOut: Bool = false) throws(StorageError) -> UInt64? {
    try maintenance.withLock { (_) throws(StorageError) in
      guard !dropped.isRaised else { return nil }
      let old = state.withLock { state in
        state.marksWhileCompacting = []
        return (
          header: state.header, snapshot: state.snapshot(of: id), end: state.end, totals: state.totals,
          left: leavingDamageOut ? state.damagedBlobs : []
        )
      }
      defer { state.withLock { $0.marksWhileCompacting = nil } }
      guard context.space.admitsCompaction(of: old.end - old.totals.deadBytes) else {
        logger.warning("no room to rewrite a log", metadata: ["bytes": "\(old.end - old.totals.deadBytes)"])
        pause(from: context.now())
        return nil
      }
      do throws(StorageError) {
        guard let new = try rewrite(old.snapshot, without: old.left, header: old.header, end: old.end) else {
          return nil
        }
        guard try swap(new, for: old.end) else {
          try paths.removeTemporaries()
          return nil
        }
        context.counters.compactions.increment()
        logger.info("log rewritten", metadata: ["bytes_before": "\(old.end)", "bytes_after": "\(new.end)"])
        return old.end - new.end
      } catch {
        try? paths.removeTemporaries()
        throw error
      }
    }
  }

  /// Synced in parts: one sync of a whole log would hold up everyone else's.
  private static let rewriteSyncBytes: UInt64 = 32 << 20

  private func rewrite(
    _ old: IndexSnapshot, without left: Set<BlobID>, header: LogHeader, end: UInt64
  ) throws(StorageError) -> Rewrite? {
    var deadlines: [UInt32: UInt32] = [:]
    for entry in old.dying { deadlines[entry.ordinal] = entry.deadline }
    let newHeader = LogHeader(
      volume: id, generation: .random(in: 1 ... .max), replayEnd: header.replayEnd > 0 ? header.replayEnd : end)
    var new = Rewrite(header: newHeader, index: BlobIndex(minimumCapacity: old.index.count))
    let source = try openedFile()
    let target = try OpenFile(paths.temporaryLog, flags: O_RDWR | O_CREAT | O_TRUNC, operations: context.operations)
    let staging = WriteStaging()
    staging.begin(at: new.end)
    var unsynced: UInt64 = 0
    for ordinal in 0..<old.index.count {
      let entry = old.index[ordinal]
      guard entry.life != .dead, !left.contains(entry.blob) else { continue }
      if context.closing.isRaised || dropped.isRaised {
        try paths.removeTemporaries()
        return nil
      }
      let bytes = try source.read(entry.length, at: entry.offset)
      let record: EncodedRecord
      do throws(FormatError) {
        record = try EncodedRecord(verifying: bytes)
      } catch {
        logger.error(
          "log is not rewritten: a record is damaged", metadata: ["blob": "\(entry.blob)", "error": "\(error)"])
        // Noted, so that it is not tried again and whoever repairs volumes sees it.
        noteDamage(of: entry.blob, at: entry.offset, "\(error)")
        try paths.removeTemporaries()
        return nil
      }
      if let deadline = deadlines[UInt32(ordinal)] {
        new.dying.append(DyingEntry(ordinal: UInt32(new.index.count), deadline: deadline))
      }
      if entry.isTombstone, entry.offset >= old.markedTo, new.durablyMarkedEnd == nil {
        new.durablyMarkedEnd = new.end
      }
      new.index.insert(entry.moved(to: new.end))
      new.end += entry.paddedLength
      unsynced += entry.paddedLength
      try performing(on: target.path) { () throws(SystemError) in
        try staging.add(record, to: target)
        guard unsynced >= Self.rewriteSyncBytes else { return }
        try target.sync()
        unsynced = 0
      }
    }
    // Found in the order of the log; they expire in the order of their deadlines.
    new.dying.sort { $0.deadline < $1.deadline }
    try performing(on: target.path) { () throws(SystemError) in
      try staging.flush(to: target)
      try Self.writeHeader(new.header, to: target)
      // With the seal mark the log is whole: it is synced after it, and renamed after that.
      try writeSealMark(target, end: new.end)
    }
    return new
  }

  /// Puts the rewritten log in the place of the old one, which it was made from when that ended at `oldEnd`.
  ///
  /// - Returns: false, and nothing changed, when records have been restored since.
  private func swap(_ new: Rewrite, for oldEnd: UInt64) throws(StorageError) -> Bool {
    let snapshot = IndexSnapshot(
      volume: id, generation: new.header.generation, logEnd: new.end, markedTo: new.durablyMarkedEnd ?? new.end,
      damagedCount: 0, index: new.index, dying: new.dying)
    try snapshot.writeTemporary(to: paths, operations: context.operations)
    let file = try OpenFile(paths.temporaryLog, flags: O_RDWR, operations: context.operations)
    let isSwapped = try opening.withLock { (_) throws(StorageError) in
      guard state.withLock({ !$0.isRestoring && $0.end == oldEnd }) else { return false }
      try performing(on: paths.log) { () throws(SystemError) in
        try context.operations.rename(paths.temporaryLog, paths.log)
      }
      state.withLock { $0.take(new, file: file) }
      return true
    }
    guard isSwapped else { return false }
    // From here on the new log counts. An index file that fails to follow it costs a scan at the next start.
    do throws(StorageError) {
      try performing(on: paths.index) { () throws(SystemError) in
        try context.operations.rename(paths.temporaryIndex, paths.index)
      }
      try paths.directory.sync()
    } catch {
      logger.warning("index of a rewritten log was not written", metadata: ["error": "\(error)"])
      state.withLock { $0.snapshotEnd = 0 }
    }
    return true
  }
}

extension StoredVolume.State {
  /// Only sealed logs are rewritten, once all their tombstones have been acted on.
  var isRewritable: Bool { isSealed && failure == nil && markedEnd == end }

  fileprivate mutating func take(_ new: Rewrite, file newFile: OpenFile) {
    header = new.header
    index = new.index
    dying = new.dying
    end = new.end
    syncedEnd = new.end
    totals = VolumeTotals(index)
    damagedCount = 0
    damagedBlobs = damagedBlobs.filter { new.index.ordinal(of: $0) != nil }
    snapshotEnd = new.end
    markedEnd = new.end
    durablyMarkedEnd = new.durablyMarkedEnd ?? new.end
    snapshotMarkedEnd = durablyMarkedEnd
    hasNewMarks = false
    // Whether a descriptor is held is the budget's to know.
    if file != nil { file = newFile }
    for mark in marksWhileCompacting ?? [] { _ = self.mark(mark) }
    marksWhileCompacting = nil
  }
}

/// Names the file in the error of a system call.
private func performing<Value>(on path: String, _ body: () throws(SystemError) -> Value) throws(StorageError) -> Value {
  do throws(SystemError) { return try body() } catch { throw .io(error, path: path) }
}
