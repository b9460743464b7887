package import NIOCore

/// What reading a whole replica again has found.
package struct ScrubReport: Hashable, Sendable {
  /// A record that can't be read back as it was written.
  package struct DamagedRecord: Hashable, Sendable {
    package let blob: BlobID
    /// Where it is in the log file, bytes.
    package let offset: UInt64
    package let length: UInt64
    /// For people.
    package let reason: String

    package init(blob: BlobID, offset: UInt64, length: UInt64, reason: String) {
      self.blob = blob
      self.offset = offset
      self.length = length
      self.reason = reason
    }
  }

  /// Records that were read, damaged ones included, and their bytes.
  package var recordCount: UInt64 = 0
  package var byteCount: UInt64 = 0
  package var damaged: [DamagedRecord] = []

  package init() {}
}

/// As a node tells it: an item with the totals, then one for each damaged record.
extension ScrubReport {
  private static let what = "scrub report"

  package func encodedItems() -> [[UInt8]] {
    var totals = FieldWriter(capacity: 16)
    totals.write(recordCount)
    totals.write(byteCount)
    return [totals.bytes]
      + damaged.map { record in
        var writer = FieldWriter(capacity: 64)
        writer.write(record.blob)
        writer.write(record.offset)
        writer.write(record.length)
        return writer.bytes + Array(record.reason.utf8)
      }
  }

  package init(decoding items: [ByteBuffer]) throws(FormatError) {
    guard var totals = items.first,
      let (records, bytes) = totals.readMultipleIntegers(endianness: .little, as: (UInt64, UInt64).self)
    else { throw .truncated(what: Self.what) }
    recordCount = records
    byteCount = bytes
    for item in items.dropFirst() {
      var item = item
      guard let blob = item.readBlobID(),
        let (offset, length) = item.readMultipleIntegers(endianness: .little, as: (UInt64, UInt64).self)
      else { throw .truncated(what: Self.what) }
      damaged.append(DamagedRecord(blob: blob, offset: offset, length: length, reason: String(buffer: item)))
    }
  }
}
