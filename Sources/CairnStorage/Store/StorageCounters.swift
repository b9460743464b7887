internal import Synchronization

/// What a store has done since it was opened, and what it holds in memory.
package struct StorageMetrics: Hashable, Sendable {
  /// Records appended, and the bytes that they took in their logs.
  package var appends: UInt64
  package var appendedBytes: UInt64
  /// Batches that were synced: the fewer per append, the better group commit works.
  package var syncs: UInt64
  /// Reads that found a bad checksum.
  package var corruptReads: UInt64
  /// Reads that the page cache answered at once, and those that went to a thread.
  package var cachedReads: UInt64
  package var threadReads: UInt64
  package var snapshots: UInt64
  package var compactions: UInt64
  /// Bytes of memory that the indexes take.
  package var indexBytes: Int
  package var openLogs: Int
}

/// Counts for ``StorageMetrics``.
final class StorageCounters: Sendable {
  let appends = Atomic<UInt64>(0)
  let appendedBytes = Atomic<UInt64>(0)
  let syncs = Atomic<UInt64>(0)
  let corruptReads = Atomic<UInt64>(0)
  let cachedReads = Atomic<UInt64>(0)
  let threadReads = Atomic<UInt64>(0)
  let snapshots = Atomic<UInt64>(0)
  let compactions = Atomic<UInt64>(0)
  /// Marks of tombstones since a checkpoint made them durable.
  let uncheckedMarks = Atomic<Int>(0)
}

extension Atomic where Value == UInt64 {
  func increment(by amount: UInt64 = 1) {
    wrappingAdd(amount, ordering: .relaxed)
  }

  var value: UInt64 { load(ordering: .relaxed) }
}
