internal import CairnModel
internal import Synchronization

/// Where a scrub of a volume is.
struct ScrubPosition: Sendable {
  /// Of the next record in the index.
  var ordinal = 0
  /// Of the log that the ordinal belongs to.
  var generation: UInt64?
}

extension StoredVolume {
  /// Bytes that are read in one step; a step exceeds them by one record at most.
  private static let scrubStepBytes: UInt64 = 1 << 20

  /// Reads the next records from the disk and verifies them; false when there are none left. Blocks.
  func scrubStep(_ position: inout ScrubPosition, into report: inout ScrubReport) throws(StorageError) -> Bool {
    guard !dropped.isRaised else { throw .unknownVolume(id) }
    // Nothing to open the log for.
    guard state.withLock({ $0.index.count > 0 }) else { return false }
    let (file, (index, generation)) = try opened { ($0.index, $0.header.generation) }
    // A log that was rewritten has its records elsewhere: once more from the start.
    if position.generation != generation { position = ScrubPosition(ordinal: 0, generation: generation) }
    var reader = DiskReader(file)
    var bytes: UInt64 = 0
    while position.ordinal < index.count, bytes < Self.scrubStepBytes {
      let entry = index[position.ordinal]
      position.ordinal += 1
      guard entry.life != .dead else { continue }
      bytes += entry.paddedLength
      report.recordCount += 1
      if let reason = Self.verify(entry, with: &reader) {
        noteDamage(of: entry.blob, at: entry.offset, reason)
        report.damaged.append(
          ScrubReport.DamagedRecord(
            blob: entry.blob, offset: entry.offset, length: UInt64(entry.length), reason: reason))
      } else {
        noteIntact(entry)
      }
    }
    report.byteCount += bytes
    return position.ordinal < index.count
  }

  /// Why the record can't be read from the disk; nil when it can.
  private static func verify(_ entry: IndexEntry, with reader: inout DiskReader) -> String? {
    let bytes: UnsafeRawBufferPointer
    do throws(StorageError) {
      bytes = try reader.read(entry.range)
    } catch {
      // A sector that can't be read is what scrubbing is for.
      return "\(error)"
    }
    do throws(FormatError) {
      let header = try RecordHeader(bytes)
      guard header.length == bytes.count else { throw .truncated(what: "record") }
      try header.verifyHeader(bytes)
      try header.verifyPayload(
        UnsafeRawBufferPointer(rebasing: bytes[(Record.headerLength + header.metadataLength)...]))
      guard header.blob == entry.blob else { throw .badField(what: "record's blob id", tag: 16) }
      return nil
    } catch {
      return "\(error)"
    }
  }
}
