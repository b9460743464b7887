/// Where a reading of a volume's records begins.
package enum RecordOrigin: Hashable, Sendable {
  /// An offset in the log: 0, or the end of an earlier reading. When the log was rewritten since and the offset lies
  /// before its end, all records come again.
  case offset(UInt64)
  /// The first record with an id that was made then or later. Older ones may come after it.
  case time(Timestamp)
}
