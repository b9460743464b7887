internal import CairnModel
internal import Logging
internal import NIOCore
internal import Synchronization

/// That nothing refers to a blob any more, and until when it can be read nevertheless.
struct GarbageMark: Sendable {
  let blob: BlobID
  /// Seconds since 1970.
  let deadline: UInt32

  init(blob: BlobID, at time: Timestamp, grace: Duration) {
    self.blob = blob
    let (seconds, attoseconds) = grace.components
    // Rounded up, so that a grace never ends early.
    let whole = seconds + (attoseconds > 0 ? 1 : 0)
    deadline = UInt32(clamping: Int64(time.nanosecondsSinceEpoch / 1_000_000_000) &+ 1 &+ whole)
  }

  init(blob: BlobID, deadline: UInt32) {
    self.blob = blob
    self.deadline = deadline
  }
}

extension StoredVolume {
  /// Begins the grace of blobs. Blobs that are not here, or were marked before, are passed over.
  func mark(_ marks: [GarbageMark]) {
    let count = state.withLock { state in
      state.marksWhileCompacting?.append(contentsOf: marks)
      return marks.reduce(0) { $0 + (state.mark($1) ? 1 : 0) }
    }
    context.counters.uncheckedMarks.wrappingAdd(count, ordering: .relaxed)
  }

  /// What is garbage and still in the log, in its order. Of a blob with several records only the last one tells.
  var garbage: [BlobID] {
    let index = state.withLock { $0.index }
    var garbage: [BlobID] = []
    var ordinal = 0
    for segment in index.segments {
      for entry in segment {
        if entry.life != .live, index.ordinal(of: entry.blob) == ordinal { garbage.append(entry.blob) }
        ordinal += 1
      }
    }
    return garbage
  }

  /// Ends the graces that are over.
  func expireGarbage(at time: Timestamp) {
    let now = UInt32(clamping: time.secondsSinceEpoch)
    state.withLock { state in
      // Marks come in order of time, but for clocks that were set back: then some wait a little longer.
      let expired = state.dying.prefix { $0.deadline <= now }
      guard !expired.isEmpty else { return }
      for entry in expired { state.setLife(.dead, at: Int(entry.ordinal)) }
      state.dying.removeFirst(expired.count)
    }
  }

  /// Puts the dying in the order in which their graces end, as ``expireGarbage(at:)`` expects.
  func sortDying() {
    state.withLock { $0.dying.sort { $0.deadline < $1.deadline } }
  }

  /// Notes that the marks of every tombstone in the log have been made. Only on the volume's writer.
  func marked() {
    state.withLock { $0.markedEnd = $0.end }
  }

  /// Reads the tombstones at or after `offset`, and passes on what they name. Blocks; only before the store is in use.
  func replayTombstones(from offset: UInt64, _ body: ([BlobLocation], Timestamp) -> Void) throws(StorageError) {
    let tombstones = state.withLock { state in
      state.index.entries(from: offset).filter { $0.isTombstone && $0.life == .live }
    }
    guard !tombstones.isEmpty else { return }
    let file = try openedFile()
    for entry in tombstones {
      let bytes = try file.read(entry.length, at: entry.offset)
      do throws(FormatError) {
        let record = try EncodedRecord(verifying: bytes)
        body(try Tombstone(metadata: record.record.metadata).garbage, record.header.timestamp)
      } catch {
        // Its garbage stays until it is named again: space is lost, no data.
        logger.error(
          "tombstone is damaged", metadata: ["blob": "\(entry.blob)", "offset": "\(entry.offset)", "error": "\(error)"])
      }
    }
  }
}

extension StoredVolume.State {
  mutating func mark(_ mark: GarbageMark) -> Bool {
    guard let ordinal = index.ordinal(of: mark.blob) else {
      // Nobody misses what was damaged.
      damagedBlobs.remove(mark.blob)
      return false
    }
    let entry = index[ordinal]
    guard entry.life == .live, !entry.isTombstone else { return false }
    setLife(.dying, at: ordinal)
    dying.append(DyingEntry(ordinal: UInt32(ordinal), deadline: mark.deadline))
    hasNewMarks = true
    return true
  }

  mutating func setLife(_ life: IndexEntry.Life, at ordinal: Int) {
    totals.remove(index[ordinal])
    index.setLife(life, at: ordinal)
    totals.add(index[ordinal])
    if life == .dead { damagedBlobs.remove(index[ordinal].blob) }
  }
}
