package import CairnModel
internal import NIOPosix
internal import Synchronization

/// Reads the intact records of a volume in log order, batch by batch: blobs, garbage that was not compacted yet, and
/// tombstones. No thread waits between two batches.
///
/// It sees the log as it was at the beginning: appends that come meanwhile are not read, and a log that is rewritten
/// or dropped meanwhile is read as it was.
package final class RecordCursor: Sendable {
  /// Which records are wanted.
  package enum Kinds: Sendable {
    case all
    /// Heads, with their payloads, and tombstones: what the catalog is made of. Chunks are not even read.
    case headsAndTombstones
  }

  private struct State {
    var scanner: LogScanner
    var damaged: [DamagedRange] = []
  }

  private static let batchRecordsMax = 4096
  /// Bytes; a batch exceeds them by one record at most.
  private static let batchBytesMax = 4 << 20

  /// From where a later cursor goes on.
  package let end: UInt64
  private let state: Mutex<State>
  private let threads: NIOThreadPool

  init(_ scanner: LogScanner, end: UInt64, threads: NIOThreadPool) {
    state = Mutex(State(scanner: scanner))
    self.end = end
    self.threads = threads
  }

  /// The next records; none at the end.
  ///
  /// - Throws: ``StorageError/io(_:path:)``; ``StorageError/format(_:path:)`` for a record of a newer format.
  nonisolated(nonsending) package func next() async throws(StorageError) -> [EncodedRecord] {
    try await threads.perform { [self] () throws(StorageError) in
      try state.withLock { (state) throws(StorageError) in
        var records: [EncodedRecord] = []
        var bytes = 0
        while records.count < Self.batchRecordsMax, bytes < Self.batchBytesMax, let finding = try state.scanner.next() {
          switch finding {
          case .damaged(let range): state.damaged.append(range)
          case .skipped: break
          case .record(let record, _):
            records.append(record)
            bytes += record.header.length
          }
        }
        return records
      }
    }
  }

  /// Ranges without an intact record that were passed over so far. Chunks that were not wanted were not looked into.
  package var damaged: [DamagedRange] { state.withLock { $0.damaged } }
}

extension VolumeStore {
  /// Reads a volume's records from `origin` on.
  ///
  /// - Throws: ``StorageError/unknownVolume(_:)``, ``StorageError/io(_:path:)``, ``StorageError/closed``.
  nonisolated(nonsending) package func records(
    in id: VolumeID, from origin: RecordOrigin = .offset(0), kinds: RecordCursor.Kinds = .all
  ) async throws(StorageError) -> RecordCursor {
    try await threads.perform { [self] () throws(StorageError) in
      let extent = try ScanExtent(try find(id), from: origin)
      return RecordCursor(
        extent.scanner(skippingChunks: kinds == .headsAndTombstones), end: extent.end, threads: threads)
    }
  }
}
