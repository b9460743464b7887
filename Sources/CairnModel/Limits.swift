/// Limits that several modules share.
package enum Limits {
  /// Bytes of a chunk, and of an object that is kept inside its head record.
  package static let chunkSizeMax = 8 << 20
  /// Bytes of an object, as records and catalogs may claim: more than the chunks of any manifest can have.
  package static let storedSizeMax: UInt64 = 1 << 52
  /// Bytes, blobs or volumes of one node, as reports may claim: so many that no disk has them, so few that their sums
  /// over a cluster fit 64 bits.
  package static let nodeTotalMax: UInt64 = 1 << 53
  /// Entries that Cairn puts into any one directory, unless `MAX_ENTRIES_PER_DIRECTORY` says less.
  package static let directoryEntriesMax = 36
}
