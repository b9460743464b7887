/// Limits that several modules share.
package enum Limits {
  /// Bytes of a chunk, and of an object that is kept inside its head record.
  package static let chunkSizeMax = 8 << 20
  /// Entries that Cairn puts into any one directory, unless `MAX_ENTRIES_PER_DIRECTORY` says less.
  package static let directoryEntriesMax = 36
}
