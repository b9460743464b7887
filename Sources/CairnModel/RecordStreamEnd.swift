package import NIOCore

/// What follows the last record where a node streams those of a volume: without it the stream was cut off.
///
/// As long as a record's header and told apart by its magic, so that a reader takes the same step for both:
/// ```
///   0  magic          u32   "CRNE"
///   4  zeros
///   8  record count   u64   records that were sent
///  16  end            u64   from where a later stream goes on
///  24  damaged count  u64   ranges of the log without an intact record
///  32  zeros
///  44  CRC-32C of the bytes before
/// ```
package struct RecordStreamEnd: Hashable, Sendable {
  private static let magic: UInt32 = 0x454E_5243
  private static let what = "end of a record stream"

  package var recordCount: UInt64
  package var end: UInt64
  package var damagedCount: UInt64

  package init(recordCount: UInt64, end: UInt64, damagedCount: UInt64) {
    self.recordCount = recordCount
    self.end = end
    self.damagedCount = damagedCount
  }

  package func encoded() -> ByteBuffer {
    var writer = FieldWriter(capacity: Record.headerLength)
    writer.write(Self.magic)
    writer.write(UInt32(0))
    for field in [recordCount, end, damagedCount, 0] { writer.write(field) }
    writer.write(UInt32(0))
    writer.write(writer.bytes.withUnsafeBytes(CRC32C.checksum))
    return writer.buffer
  }

  /// Reads the end of a stream; nil where `bytes` are the header of another record.
  package init?(_ bytes: ByteBuffer) throws(FormatError) {
    var bytes = bytes
    guard bytes.readableBytes == Record.headerLength else { throw .truncated(what: Self.what) }
    let found = bytes.withUnsafeReadableBytes { CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0.dropLast(4))) }
    guard let (magic, _) = bytes.readMultipleIntegers(endianness: .little, as: (UInt32, UInt32).self),
      let (count, end, damaged, _) = bytes.readMultipleIntegers(
        endianness: .little, as: (UInt64, UInt64, UInt64, UInt64).self),
      let (_, expected) = bytes.readMultipleIntegers(endianness: .little, as: (UInt32, UInt32).self)
    else { throw .truncated(what: Self.what) }
    guard magic == Self.magic else { return nil }
    guard found == expected else { throw .badChecksum(what: Self.what, expected: expected, found: found) }
    self.init(recordCount: count, end: end, damagedCount: damaged)
  }
}
