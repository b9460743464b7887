internal import CairnModel
internal import Glibc
internal import Logging
internal import Synchronization

/// A volume on this node: its log, and the index of it.
///
/// Locks, each taken only while holding ones before it: ``maintenance`` → ``opening`` → ``state``. ``queue`` stands
/// alone. Only a writer, one at a time, changes the end of the log.
final class StoredVolume: Sendable {
  struct State {
    var index = BlobIndex()
    /// Entries that are `dying`, in the order of their marks.
    var dying: ContiguousArray<DyingEntry> = []
    /// The open log, nil while no one has needed it.
    var file: OpenFile?
    /// Since the descriptor budget last looked.
    var wasUsed = false
    /// Changes when the log is rewritten.
    var header: LogHeader
    /// Where the next record goes. Every record before it is in the index.
    var end: UInt64
    /// Every record before this offset is on the disk; with `async` this follows ``end`` later.
    var syncedEnd: UInt64
    /// Where the file ends when that is behind ``end``: zeros are in between. Only the writer cares.
    var extendedEnd: UInt64 = 0
    var isSealed = false
    /// Why the log takes no more writes.
    var failure: SystemError?
    /// After something failed, no maintenance is tried before this time, in nanoseconds since 1970.
    var pausedUntil: UInt64 = 0

    var totals = VolumeTotals()
    /// Damaged ranges between intact records.
    var damagedCount = 0
    /// Blobs of which a read or a scrub found that they are damaged.
    var damagedBlobs: Set<BlobID> = []
    /// Records are on their way to the end of a log that may be sealed.
    var isRestoring = false

    /// The index file holds every record before this offset.
    var snapshotEnd: UInt64 = 0
    /// And the index file says of the marks of all tombstones before this offset that they are durable.
    var snapshotMarkedEnd: UInt64 = 0
    /// Marks were made since the index file was written.
    var hasNewMarks = false
    /// The marks of all tombstones before this offset have been made.
    var markedEnd: UInt64
    /// And these have been made durable, in the index files of the volumes that they are for.
    var durablyMarkedEnd: UInt64
    /// Blobs that were marked while the log is being rewritten; nil when it isn't.
    var marksWhileCompacting: [GarbageMark]?
  }

  let id: VolumeID
  let paths: VolumePaths
  let context: StorageContext
  let state: Mutex<State>
  let queue = Mutex(AppendQueue())
  /// Held while the log is opened, or swapped for another.
  let opening = Mutex(())
  /// Held while the index file is written, or the log rewritten.
  let maintenance = Mutex(())
  /// Raised when the volume is to be deleted: from then on it takes nothing, and gives nothing but open files.
  let dropped = Flag()

  init(_ id: VolumeID, at paths: VolumePaths, context: StorageContext, state: consuming sending State) {
    self.id = id
    self.paths = paths
    self.context = context
    self.state = Mutex(state)
  }

  var logger: Logger {
    var logger = context.logger
    logger[metadataKey: "volume"] = "\(id)"
    return logger
  }

  /// The log, opened when it is not, and what `body` finds in the state that belongs to it. Blocks. The caller holds
  /// neither ``opening`` nor ``state``.
  func opened<Value: Sendable>(_ body: (inout State) -> Value) throws(StorageError) -> (OpenFile, Value) {
    guard !dropped.isRaised else { throw .unknownVolume(id) }
    let found = state.withLock { state in state.usedFile.map { ($0, body(&state)) } }
    if let found { return found }
    let (file, value, isNew) = try opening.withLock { (_) throws(StorageError) in
      // Looked at again: the file may have been removed meanwhile.
      guard !dropped.isRaised else { throw .unknownVolume(id) }
      // Under this lock the log can't be swapped, so that the file and the state stay a pair.
      let present = state.withLock { $0.file }
      let file: OpenFile
      if let present {
        file = present
      } else {
        file = try OpenFile(paths.log, flags: O_RDWR, operations: context.operations)
      }
      let value = state.withLock { state in
        state.file = file
        state.wasUsed = true
        return body(&state)
      }
      return (file, value, present == nil)
    }
    if isNew { context.descriptors.opened(self) }
    return (file, value)
  }

  /// The log, opened when it is not. Blocks, and may be called as ``opened(_:)``.
  func openedFile() throws(StorageError) -> OpenFile {
    try opened { _ in }.0
  }

  /// Lets go of the log's descriptor, unless it is needed soon. Readers that have it keep it open.
  ///
  /// - Returns: whether it was let go.
  func releaseFile() -> Bool {
    state.withLock { state in
      // A descriptor with unsynced writes must live: a failure to write them back is reported to it alone.
      if state.wasUsed || state.syncedEnd < state.end {
        state.wasUsed = false
        return false
      }
      state.file = nil
      return true
    }
  }

  /// Lets go of the log's descriptor for good.
  func closeFile() {
    state.withLock { $0.file = nil }
  }
}

extension StoredVolume.State {
  /// The open log, marked as used.
  var usedFile: OpenFile? {
    mutating get {
      wasUsed = true
      return file
    }
  }

  /// Where the log ends for who follows it by offsets: never moves back, neither when the log is rewritten nor when
  /// power is lost.
  var replayEnd: UInt64 { header.replayEnd > 0 ? header.replayEnd : syncedEnd }
}
