package import NIOCore

/// A record as it lies on disk and travels to nodes: the prefix (header and metadata) and the payload, apart so that
/// the payload need not be copied. Encoded once, by the coordinator, the same bytes for every replica.
package struct EncodedRecord: Sendable {
  package let header: RecordHeader
  /// Header and metadata.
  package let prefix: ByteBuffer
  package let payload: ByteBuffer

  /// Encodes `record`. The payload's checksum is computed here, in O(payload).
  ///
  /// - Throws: ``FormatError`` when metadata or payload exceed the limits of ``Record``.
  package init(_ record: Record) throws(FormatError) {
    let payloadCRC = record.payload.withUnsafeReadableBytes(CRC32C.checksum)
    var prefix = ByteBuffer()
    prefix.reserveCapacity(Record.headerLength + record.metadata.readableBytes)
    prefix.writeMultipleIntegers(
      Record.magic, Record.formatVersion, record.kind.rawValue, UInt16(0), UInt32(record.metadata.readableBytes),
      UInt32(record.payload.readableBytes), record.blob.high, record.blob.low, record.timestamp.nanosecondsSinceEpoch,
      payloadCRC, endianness: .little)
    var crc = CRC32C()
    prefix.withUnsafeReadableBytes { crc.update($0) }
    record.metadata.withUnsafeReadableBytes { crc.update($0) }
    prefix.writeInteger(crc.value, endianness: .little)
    prefix.writeImmutableBuffer(record.metadata)
    header = try RecordHeader(of: record, payloadCRC: payloadCRC, headerCRC: crc.value)
    self.prefix = prefix
    payload = record.payload
  }

  /// Takes a record that came from elsewhere, whole and without padding, and verifies both checksums.
  ///
  /// - Throws: ``FormatError``.
  package init(verifying bytes: ByteBuffer) throws(FormatError) {
    var bytes = bytes
    let header = try Self.header(of: bytes)
    guard bytes.readableBytes == header.length,
      let prefix = bytes.readSlice(length: Record.headerLength + header.metadataLength)
    else { throw .truncated(what: "record") }
    try prefix.withReadableBytes { (bytes) throws(FormatError) in try header.verifyHeader(bytes) }
    try bytes.withReadableBytes { (bytes) throws(FormatError) in try header.verifyPayload(bytes) }
    self.header = header
    self.prefix = prefix
    self.payload = bytes
  }

  /// The record with its parts set apart again.
  package var record: Record {
    var metadata = prefix
    metadata.moveReaderIndex(forwardBy: Record.headerLength)
    return Record(
      kind: header.kind, blob: header.blob, timestamp: header.timestamp, metadata: metadata, payload: payload)
  }

  private static func header(of bytes: ByteBuffer) throws(FormatError) -> RecordHeader {
    try bytes.withReadableBytes { (bytes) throws(FormatError) in try RecordHeader(bytes) }
  }
}
