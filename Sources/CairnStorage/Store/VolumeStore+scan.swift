package import CairnModel

/// What a scan came across.
package struct ScanReport: Hashable, Sendable {
  package var recordCount: UInt64 = 0
  /// Ranges without an intact record, in log order.
  package var damaged: [DamagedRange] = []
  /// Where the next scan can go on.
  package var end: UInt64
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
    let volume = try find(id)
    let (file, (header, end)) = try volume.opened { ($0.header, $0.syncedEnd) }
    let isRewritten = header.replayEnd > 0
    let replayEnd = isRewritten ? header.replayEnd : end
    var report = ScanReport(end: replayEnd)
    guard offset < replayEnd else { return report }
    let start = UInt64(LogHeader.length)
    var scanner = LogScanner(file, from: isRewritten ? start : max(offset, start), to: end)
    while let finding = try scanner.next() {
      switch finding {
      case .damaged(let range): report.damaged.append(range)
      case .record(let record, let offset):
        report.recordCount += 1
        try body(isRewritten ? 0 : offset, record)
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
