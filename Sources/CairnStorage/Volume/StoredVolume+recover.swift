internal import CairnModel
internal import Glibc
internal import Logging
internal import NIOCore

extension StoredVolume {
  /// A volume as its files are found at a start.
  struct Recovered: Sendable {
    let volume: StoredVolume
    /// The index was made from the log alone, so that marks of garbage are lost until all tombstones are read again.
    let isRebuilt: Bool
    /// The last batch was written only in part. The index must be written before more records follow, or a later start
    /// that scans this part of the log would take the gap for damage.
    let hasGap: Bool
  }

  /// Loads the index, reads the log's tail, and cuts off what a crash left unfinished. Blocks.
  ///
  /// - Throws: ``StorageError/format(_:path:)`` for a log of a newer format, ``StorageError/io(_:path:)``. Damage is
  ///   no error: what is intact is kept.
  static func recover(at paths: VolumePaths, context: StorageContext) throws(StorageError) -> Recovered {
    var logger = context.logger
    logger[metadataKey: "volume"] = "\(paths.volume)"
    let file = try OpenFile(paths.log, flags: O_RDWR, operations: context.operations)
    // Nothing that Cairn wrote lies behind the longest log.
    let size = min(try file.size(), LogHeader.logLengthMax)
    let (header, seal) = try readHeader(file, paths, logger)

    var state = State.empty(header)
    let snapshot = try loadSnapshot(of: header, at: paths, size: size, context: context, logger)
    if let snapshot {
      state.index = snapshot.index
      state.dying = snapshot.dying
      state.damagedCount = snapshot.damagedCount
      state.snapshotEnd = snapshot.logEnd
      state.snapshotMarkedEnd = snapshot.markedTo
    }
    // An index that was made from the log alone is not in any file yet.
    if snapshot == nil { state.snapshotEnd = 0 }
    state.durablyMarkedEnd = state.snapshotMarkedEnd

    let start = snapshot?.logEnd ?? UInt64(LogHeader.length)
    var tail = LogTail(start: start)
    var scanner = LogScanner(file, from: start, to: size)
    while let finding = try scanner.next() { tail.take(finding, into: &state) }
    state.totals = VolumeTotals(state.index)

    // Records that no index file knows may be in the page cache alone: their process died before its sync. They count from
    // here on, so a loss of power must not take them.
    var isSynced = tail.intactEnd == start
    switch seal {
    case .open:
      state.end = tail.intactEnd
      try tail.leaveOutUnsynced(in: file, logger)
      if tail.intactEnd != size {
        try cut(file, to: tail.intactEnd, size: size, logger)
        isSynced = false
      }
    case .sealed(let end):
      // Everything before the seal was acknowledged: what can't be read there is damage, nothing to cut off.
      state.isSealed = true
      state.end = max(end, tail.intactEnd)
      // Behind the mark there can only be what was being restored, and was not acknowledged.
      tail.acceptDamage(before: end)
      if size > state.end {
        try cut(file, to: state.end, size: size, logger)
        isSynced = false
      }
      if size < end {
        state.damagedCount += 1
        logger.error("sealed log is too short", metadata: ["size": "\(size)", "sealed_at": "\(end)"])
      }
    case .damaged:
      state.isSealed = true
      state.end = max(size, tail.intactEnd, UInt64(LogHeader.length))
      tail.acceptDamage()
      logger.error("seal mark is damaged: taken as sealed")
    }
    if !isSynced {
      do throws(SystemError) { try file.sync() } catch { throw .io(error, path: file.path) }
    }
    for range in tail.damaged {
      // A record that was restored since is not missing.
      guard let blob = range.blob else {
        state.damagedCount += 1
        continue
      }
      if !state.isStored(blob, after: range.offset) { state.damagedBlobs.insert(blob) }
    }
    state.syncedEnd = state.end
    state.markedEnd = state.end
    for range in tail.damaged {
      logger.error(
        "damaged range in log",
        metadata: ["offset": "\(range.offset)", "length": "\(range.length)", "error": "\(range.error)"])
    }
    let volume = StoredVolume(paths.volume, at: paths, context: context, state: state)
    return Recovered(volume: volume, isRebuilt: snapshot == nil, hasGap: tail.hasGap)
  }

  private static func readHeader(
    _ file: OpenFile, _ paths: VolumePaths, _ logger: Logger
  ) throws(StorageError) -> (LogHeader, LogHeader.Seal) {
    let bytes = try file.read(LogHeader.length, at: 0)
    do throws(FormatError) {
      let (header, seal) = try LogHeader.decode(bytes)
      guard header.volume == paths.volume else { throw .badField(what: "volume header", tag: 8) }
      return (header, seal)
    } catch {
      if case .newerVersion = error { throw .format(error, path: paths.log) }
      // Its records describe themselves, so they can be read; writing to it is another matter.
      logger.error("volume header is damaged: taken as sealed", metadata: ["error": "\(error)"])
      return (LogHeader(volume: paths.volume, generation: 0), .damaged)
    }
  }

  private static func loadSnapshot(
    of header: LogHeader, at paths: VolumePaths, size: UInt64, context: StorageContext, _ logger: Logger
  ) throws(StorageError) -> IndexSnapshot? {
    var reason = "there is none"
    do throws(StorageError) {
      if let snapshot = try IndexSnapshot(of: paths.volume, at: paths, operations: context.operations) {
        if header.generation != 0, snapshot.generation == header.generation, snapshot.logEnd <= size {
          return snapshot
        }
        reason = "it describes another state of the log"
      }
    } catch {
      guard case .format = error else { throw error }
      reason = "\(error)"
    }
    logger.warning("index can't be used: reading the whole log", metadata: ["reason": "\(reason)"])
    return nil
  }

  private static func cut(_ file: OpenFile, to end: UInt64, size: UInt64, _ logger: Logger) throws(StorageError) {
    logger.info("log cut off behind its last record", metadata: ["log_end": "\(end)", "file_size": "\(size)"])
    do throws(SystemError) {
      // Also where this makes the file longer: then only the last record's padding was missing.
      try file.truncate(to: end)
    } catch {
      throw .io(error, path: file.path)
    }
  }
}

/// What a start finds behind the index snapshot.
private struct LogTail {
  /// The end of the last intact record.
  private(set) var intactEnd: UInt64
  /// Damage that intact records follow.
  private(set) var damaged: [DamagedRange] = []
  /// Part of what looked like damage was a batch written only in part.
  private(set) var hasGap = false
  /// Damage that nothing intact follows yet: a torn end, if it stays so.
  private var pending: [DamagedRange] = []

  init(start: UInt64) {
    intactEnd = start
  }

  mutating func take(_ finding: LogScanner.Finding, into state: inout StoredVolume.State) {
    switch finding {
    case .damaged(let range): pending.append(range)
    case .skipped: break
    case .record(let record, let offset):
      acceptDamage()
      state.index.put(IndexEntry(record.header, offset: offset))
      intactEnd = offset + UInt64(record.header.paddedLength)
    }
  }

  /// Leaves out of the damage what a power cut made of a batch that was not synced yet: of its pages, which were zeros
  /// before (``StoredVolume/extend(_:for:)``), any may have reached the disk.
  mutating func leaveOutUnsynced(in file: OpenFile, _ logger: Logger) throws(StorageError) {
    let batchMax = StoredVolume.extendedBatchMax
    var left: [DamagedRange] = []
    for range in damaged {
      if range.offset + batchMax >= intactEnd, range.length <= batchMax,
        Self.hasUnwrittenSector(try file.read(Int(range.length), at: range.offset), at: range.offset)
      {
        logger.info("not all of the last batch was written", metadata: ["offset": "\(range.offset)"])
      } else {
        left.append(range)
      }
    }
    hasGap = left.count < damaged.count
    damaged = left
  }

  /// Whether, of any sector of a disk, all that lies in `bytes` is zero. Pieces that may be mere padding don't count.
  private static func hasUnwrittenSector(_ bytes: ByteBuffer, at offset: UInt64) -> Bool {
    let sector = 512
    return bytes.withUnsafeReadableBytes { bytes in
      var start = 0
      while start < bytes.count {
        let end = min(bytes.count, start + sector - (Int(offset) + start) % sector)
        if end - start >= Record.alignment, bytes[start..<end].allSatisfy({ $0 == 0 }) { return true }
        start = end
      }
      return false
    }
  }

  /// Takes what could have been a torn end for damage, as far as it begins before `end`.
  mutating func acceptDamage(before end: UInt64 = .max) {
    damaged += pending.filter { $0.offset < end }
    pending = []
  }
}
