package import CairnModel

/// What a scan came across.
package struct ScanReport: Hashable, Sendable {
  package var recordCount: UInt64 = 0
  /// Ranges without an intact record, in log order.
  package var damaged: [DamagedRange] = []
  /// Where the next scan can go on.
  package var end: UInt64
}

/// The part of a log that a scan reads.
struct ScanExtent {
  /// Offsets of before it mean nothing in it.
  let isRewritten: Bool
  /// Where the next scan can go on.
  let end: UInt64
  private let file: OpenFile
  private let start: UInt64
  private let logEnd: UInt64

  init(_ volume: StoredVolume, from origin: RecordOrigin) throws(StorageError) {
    let (file, (header, syncedEnd, index)) = try volume.opened { ($0.header, $0.syncedEnd, $0.index) }
    self.file = file
    isRewritten = header.replayEnd > 0
    end = isRewritten ? header.replayEnd : syncedEnd
    logEnd = syncedEnd
    let first = UInt64(LogHeader.length)
    switch origin {
    case .offset(let offset): start = offset >= end ? syncedEnd : isRewritten ? first : max(offset, first)
    case .time(let time): start = index.firstOffset(since: time.millisecondsSinceEpoch) ?? syncedEnd
    }
  }

  func scanner(skippingChunks: Bool = false) -> LogScanner {
    LogScanner(file, from: start, to: logEnd, skippingChunks: skippingChunks)
  }
}

extension VolumeStore {
  /// Reads every intact record in log order: blobs, garbage that was not compacted yet, and tombstones. Verifies all
  /// checksums; what is damaged is reported, and passed over. Blocks.
  ///
  /// Appends that come meanwhile are not seen. A log that is rewritten meanwhile is read as it was.
  /// - Parameters:
  ///   - offset: 0, or the end of an earlier scan, or ``VolumeSummary/durableEnd``. When the log was rewritten since
  ///     and the offset lies before its end, all records come again.
  ///   - body: gets the offset at which a later scan would begin with the record. Throw to stop.
  /// - Throws: ``StorageError``, or what `body` throws.
  package func scanBlocking(
    _ id: VolumeID, from offset: UInt64 = 0, _ body: (UInt64, EncodedRecord) throws -> Void
  ) throws -> ScanReport {
    let extent = try ScanExtent(try find(id), from: .offset(offset))
    var report = ScanReport(end: extent.end)
    var scanner = extent.scanner()
    while let finding = try scanner.next() {
      switch finding {
      case .damaged(let range): report.damaged.append(range)
      case .skipped: break
      case .record(let record, let offset):
        report.recordCount += 1
        try body(extent.isRewritten ? 0 : offset, record)
      }
    }
    return report
  }

  /// As ``scanBlocking(_:from:_:)``, on a thread of the pool.
  package func scan(
    _ id: VolumeID, from offset: UInt64 = 0, _ body: @escaping @Sendable (UInt64, EncodedRecord) throws -> Void
  ) async throws -> ScanReport {
    let result = try await threads.perform { [self] in
      Result { try scanBlocking(id, from: offset, body) }
    }
    return try result.get()
  }
}
