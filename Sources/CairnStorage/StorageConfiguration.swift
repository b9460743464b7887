internal import CairnModel

/// What a ``VolumeStore`` is told when it is opened. Plain values: whoever reads the environment fills them in.
package struct StorageConfiguration: Sendable {
  /// When an append is answered.
  package enum Durability: String, Sendable, CaseIterable {
    /// After `fdatasync`: it survives the loss of power.
    case sync
    /// After `write`: it survives the end of the process, and reaches the disk within about a second.
    case async
  }

  /// The folder that belongs to this node alone.
  package var path: String
  package var durability: Durability = .sync
  /// Bytes of a log at which it takes no more appends. An empty one takes any record.
  package var volumeSizeMax: UInt64 = 1 << 30
  /// Bytes of the file system that stay free: under them, appends and new volumes are refused.
  package var freeSpaceMin: UInt64
  /// Entries in any one directory, files that exist for a moment included.
  package var directoryEntriesMax = Limits.directoryEntriesMax
  /// The fraction of a sealed log that must be garbage before it is rewritten without it.
  package var compactionThreshold = 0.5
  /// So long garbage can still be read, for the sake of downloads under way.
  package var garbageGrace: Duration = .seconds(3600)
  /// Bytes of log after which the index is written anew, and so roughly the most that a start must read again.
  package var snapshotTailMax: UInt64 = 64 << 20
  /// Records up to so many bytes are read whole into memory; larger ones are handed out as regions of a file.
  package var bufferedReadMax = 256 << 10
  /// Bytes a second that are read to look for damage; 0 for never.
  package var scrubRate: UInt64 = 5 << 20
  /// Logs that are kept open at once.
  package var descriptorsMax = 512
  /// Threads that write and sync; each serves many volumes.
  package var writerThreads = 2

  package init(path: String, freeSpaceMin: UInt64) {
    self.path = path
    self.freeSpaceMin = freeSpaceMin
  }

  /// Fewer would not hold what the storage path itself contains, nor two volumes in a leaf.
  package static let directoryEntriesAllowed = 8...Limits.directoryEntriesMax
  /// The upper end keeps offsets of records, counted in units of their alignment, in 32 bits.
  package static let volumeSizeAllowed: ClosedRange<UInt64> = 4 << 10...16 << 30

  /// - Throws: ``StorageError/invalidConfiguration(option:value:allowed:)`` that names the first bad value.
  package func validate() throws(StorageError) {
    func require(_ condition: Bool, _ option: String, _ value: some Any, _ allowed: String) throws(StorageError) {
      guard condition else {
        throw .invalidConfiguration(option: option, value: "\(value)", allowed: allowed)
      }
    }
    let entries = Self.directoryEntriesAllowed
    let sizes = Self.volumeSizeAllowed
    try require(!path.isEmpty && !path.utf8.contains(0), "storage path", path, "a path")
    try require(
      entries.contains(directoryEntriesMax), "entries per directory", directoryEntriesMax,
      "\(entries.lowerBound) to \(entries.upperBound)")
    try require(
      sizes.contains(volumeSizeMax), "volume size", volumeSizeMax, "\(sizes.lowerBound) to \(sizes.upperBound) bytes")
    try require(
      compactionThreshold > 0 && compactionThreshold <= 1, "compaction threshold", compactionThreshold,
      "more than 0, up to 1")
    try require(garbageGrace >= .zero, "garbage grace", garbageGrace, "0 or more")
    try require(descriptorsMax >= 1, "open logs", descriptorsMax, "1 or more")
    try require(writerThreads >= 1, "writer threads", writerThreads, "1 or more")
    try require(bufferedReadMax >= 0, "buffered read", bufferedReadMax, "0 or more bytes")
  }
}
