package import NIOCore

/// One entry of a volume: a header, metadata, and the payload.
///
/// Layout, all numbers little-endian:
/// ```
///   0  magic           u32   "CRN1"
///   4  format version  u8
///   5  kind            u8
///   6  reserved        u16   0
///   8  metadata length u32   bytes
///  12  payload length  u32   bytes
///  16  blob id         2×u64
///  32  timestamp       u64   nanoseconds since 1970
///  40  payload CRC     u32   CRC-32C of the payload
///  44  header CRC      u32   CRC-32C of bytes 0..<44 and the metadata
///  48  metadata, payload, zeros up to a multiple of 8
/// ```
/// Two checksums, so that a scan can trust lengths without reading payloads.
package struct Record: Hashable, Sendable {
  package static let magic: UInt32 = 0x314E_5243
  package static let formatVersion: UInt8 = 1
  package static let headerLength = 48
  /// Records start at multiples of this many bytes.
  package static let alignment = 8
  /// Bytes; a chunk of ``Limits/chunkSizeMax`` fits.
  package static let payloadLengthMax = 16 << 20
  /// Bytes; bucket, key and every attribute together.
  package static let metadataLengthMax = 64 << 10
  /// Bytes of the longest record.
  package static let lengthMax = headerLength + metadataLengthMax + payloadLengthMax

  package enum Kind: UInt8, Sendable {
    /// An object: attributes in the metadata, its bytes or its manifest as payload.
    case head = 1
    /// A piece of a large object.
    case chunk = 2
    /// Says that an object was deleted, or that blobs are garbage.
    case tombstone = 3
  }

  package var kind: Kind
  package var blob: BlobID
  package var timestamp: Timestamp
  package var metadata: ByteBuffer
  package var payload: ByteBuffer

  package init(kind: Kind, blob: BlobID, timestamp: Timestamp, metadata: ByteBuffer, payload: ByteBuffer) {
    self.kind = kind
    self.blob = blob
    self.timestamp = timestamp
    self.metadata = metadata
    self.payload = payload
  }
}

/// The fixed part of a record that was checked: magic, version, and limits.
package struct RecordHeader: Hashable, Sendable {
  package let kind: Record.Kind
  package let metadataLength: Int
  package let payloadLength: Int
  package let blob: BlobID
  package let timestamp: Timestamp
  package let payloadCRC: UInt32
  package let headerCRC: UInt32

  /// Bytes of header, metadata and payload, without the padding.
  package var length: Int { Record.headerLength + metadataLength + payloadLength }
  /// Bytes from the start of this record to the start of the next.
  package var paddedLength: Int { (length + Record.alignment - 1) & ~(Record.alignment - 1) }

  /// - Throws: ``FormatError`` where metadata or payload are longer than a record's may be.
  init(of record: Record, payloadCRC: UInt32, headerCRC: UInt32) throws(FormatError) {
    kind = record.kind
    metadataLength = record.metadata.readableBytes
    payloadLength = record.payload.readableBytes
    guard metadataLength <= Record.metadataLengthMax, payloadLength <= Record.payloadLengthMax else {
      throw .badField(what: "record length", tag: kind.rawValue)
    }
    blob = record.blob
    timestamp = record.timestamp
    self.payloadCRC = payloadCRC
    self.headerCRC = headerCRC
  }

  /// Checks all but the two checksums.
  ///
  /// - Parameter bytes: at least ``Record/headerLength`` bytes.
  /// - Throws: ``FormatError``.
  package init(_ bytes: UnsafeRawBufferPointer) throws(FormatError) {
    guard bytes.count >= Record.headerLength else { throw .truncated(what: "record") }
    func load<T: FixedWidthInteger>(_ offset: Int, as type: T.Type) -> T {
      T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: type))
    }
    let magic = load(0, as: UInt32.self)
    guard magic == Record.magic else { throw .badMagic(found: magic) }
    let version = bytes[4]
    guard version <= Record.formatVersion else {
      throw .newerVersion(what: "record", found: version, supported: Record.formatVersion)
    }
    guard let kind = Record.Kind(rawValue: bytes[5]) else { throw .badField(what: "record kind", tag: bytes[5]) }
    metadataLength = Int(load(8, as: UInt32.self))
    payloadLength = Int(load(12, as: UInt32.self))
    guard metadataLength <= Record.metadataLengthMax, payloadLength <= Record.payloadLengthMax else {
      throw .badField(what: "record length", tag: bytes[5])
    }
    self.kind = kind
    blob = BlobID(high: load(16, as: UInt64.self), low: load(24, as: UInt64.self))
    timestamp = Timestamp(nanosecondsSinceEpoch: load(32, as: UInt64.self))
    payloadCRC = load(40, as: UInt32.self)
    headerCRC = load(44, as: UInt32.self)
  }

  /// Compares the header's checksum with the one of header and metadata.
  ///
  /// - Parameter bytes: at least header and metadata, from the start of the record.
  package func verifyHeader(_ bytes: UnsafeRawBufferPointer) throws(FormatError) {
    guard bytes.count >= Record.headerLength + metadataLength else { throw .truncated(what: "record") }
    var crc = CRC32C()
    crc.update(UnsafeRawBufferPointer(rebasing: bytes[0..<44]))
    crc.update(UnsafeRawBufferPointer(rebasing: bytes[Record.headerLength..<Record.headerLength + metadataLength]))
    guard crc.value == headerCRC else {
      throw .badChecksum(what: "record header", expected: headerCRC, found: crc.value)
    }
  }

  /// Compares the payload's checksum.
  ///
  /// - Parameter payload: the payload alone, whole.
  package func verifyPayload(_ payload: UnsafeRawBufferPointer) throws(FormatError) {
    let found = CRC32C.checksum(payload)
    guard found == payloadCRC else {
      throw .badChecksum(what: "record payload", expected: payloadCRC, found: found)
    }
  }
}
