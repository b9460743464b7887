internal import CairnModel
internal import NIOCore

/// The first bytes of a log, before its records.
///
/// Layout, all numbers little-endian:
/// ```
///   0  magic           u32   "CRNV"
///   4  format version  u8, three zeros
///   8  volume          u64
///  16  generation      u64   random, new with each rewriting: an index snapshot names the one that it describes
///  24  replay end      u64   0, or the offset at which the log ended before it was ever rewritten
///  32  zeros
///  60  CRC-32C of the bytes before
///  64  seal mark: zeros while the volume is open, else
///      magic           u32   "CRNS", four zeros
///      log end         u64
///      zeros
/// 124  CRC-32C of the seal mark's bytes before
/// 128  records
/// ```
/// All in one disk sector, so that sealing is one write that happens or doesn't.
struct LogHeader: Hashable, Sendable {
  static let magic: UInt32 = 0x564E_5243
  static let sealMagic: UInt32 = 0x534E_5243
  static let formatVersion: UInt8 = 1
  /// Bytes before the first record.
  static let length = 128
  /// Bytes of a log at most: the last record must begin at an offset that an ``IndexEntry`` can hold.
  static let logLengthMax = UInt64(UInt32.max) * UInt64(Record.alignment)
  /// Where the seal mark is.
  static let sealOffset: UInt64 = 64
  private static let partLength = 64

  var volume: VolumeID
  var generation: UInt64
  var replayEnd: UInt64 = 0

  func encoded() -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.writeInteger(Self.magic, endianness: .little)
    buffer.writeInteger(Self.formatVersion)
    buffer.writeRepeatingByte(0, count: 3)
    for field in [volume.rawValue, generation, replayEnd] { buffer.writeInteger(field, endianness: .little) }
    Self.finish(&buffer)
    return buffer
  }

  /// The seal mark of a log of `end` bytes.
  static func sealMark(end: UInt64) -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.writeInteger(sealMagic, endianness: .little)
    buffer.writeInteger(UInt32(0))
    buffer.writeInteger(end, endianness: .little)
    finish(&buffer)
    return buffer
  }

  private static func finish(_ buffer: inout ByteBuffer) {
    buffer.writeRepeatingByte(0, count: partLength - 4 - buffer.readableBytes)
    buffer.writeInteger(buffer.withUnsafeReadableBytes(CRC32C.checksum), endianness: .little)
  }
}

extension LogHeader {
  enum Seal: Hashable, Sendable {
    case open
    case sealed(end: UInt64)
    /// Neither: someone sealed it, but at which length can't be told.
    case damaged
  }

  /// Reads the first ``length`` bytes of a log.
  ///
  /// - Throws: ``FormatError`` when the fixed part is damaged or of a newer format.
  static func decode(_ bytes: ByteBuffer) throws(FormatError) -> (LogHeader, Seal) {
    let what = "volume header"
    var rest = bytes
    guard var fixed = rest.readSlice(length: partLength), let seal = rest.readSlice(length: partLength) else {
      throw .truncated(what: what)
    }
    // The version counts only where the checksum says that it was meant.
    try verify(fixed, what)
    guard let (magic, version) = fixed.readMultipleIntegers(endianness: .little, as: (UInt32, UInt8).self),
      let _ = fixed.readBytes(length: 3),
      let (volume, generation, replayEnd) = fixed.readMultipleIntegers(
        endianness: .little, as: (UInt64, UInt64, UInt64).self)
    else { throw .truncated(what: what) }
    guard magic == Self.magic else { throw .badMagic(found: magic) }
    guard version <= formatVersion else {
      throw .newerVersion(what: what, found: version, supported: formatVersion)
    }
    let header = LogHeader(volume: VolumeID(rawValue: volume), generation: generation, replayEnd: replayEnd)
    return (header, decodeSeal(seal))
  }

  private static func decodeSeal(_ bytes: ByteBuffer) -> Seal {
    if bytes.readableBytesView.allSatisfy({ $0 == 0 }) { return .open }
    guard (try? verify(bytes, "seal mark")) != nil,
      bytes.getInteger(at: bytes.readerIndex, endianness: .little, as: UInt32.self) == sealMagic,
      let end = bytes.getInteger(at: bytes.readerIndex + 8, endianness: .little, as: UInt64.self),
      (UInt64(length)...logLengthMax).contains(end)
    else { return .damaged }
    return .sealed(end: end)
  }

  private static func verify(_ part: ByteBuffer, _ what: String) throws(FormatError) {
    let found = part.withUnsafeReadableBytes { CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0.dropLast(4))) }
    let expected = part.getInteger(at: part.writerIndex - 4, endianness: .little, as: UInt32.self) ?? 0
    guard found == expected else { throw .badChecksum(what: what, expected: expected, found: found) }
  }
}
