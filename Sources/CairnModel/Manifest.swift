package import NIOCore

/// The chunks of a large object, in order: the payload of its head record.
package struct Manifest: Hashable, Sendable {
  package struct Chunk: Hashable, Sendable {
    package var location: BlobLocation
    /// Bytes.
    package var length: UInt32

    package init(location: BlobLocation, length: UInt32) {
      self.location = location
      self.length = length
    }
  }

  /// A part as its client sent it: its bytes follow those of the part before.
  package struct Part: Hashable, Sendable {
    /// Bytes.
    package var size: UInt64
    /// By the algorithm of the object's checksum.
    package var checksum: Digest?

    package init(size: UInt64, checksum: Digest?) {
      self.size = size
      self.checksum = checksum
    }
  }

  package var chunks: [Chunk]
  /// Of an object that was put together from parts, in order. They are numbered anew, from 1, without the gaps that the
  /// upload's numbers may have had.
  package var parts: [Part]

  package init(chunks: [Chunk] = [], parts: [Part] = []) {
    self.chunks = chunks
    self.parts = parts
  }

  /// Without parts.
  private static let plainVersion: UInt8 = 1
  private static let formatVersion: UInt8 = 2
  private static let chunkLength = 28
  /// Bytes of a part with the longest checksum.
  private static let partLengthMax = 8 + 1 + 32
  /// As in S3.
  package static let partCountMax = 10_000
  /// So many fit the payload of one record.
  package static let chunkCountMax = (Record.payloadLengthMax - 5 - partCountMax * partLengthMax) / chunkLength

  package func encoded() -> ByteBuffer {
    var writer = FieldWriter(capacity: 5 + parts.count * Self.partLengthMax + chunks.count * Self.chunkLength)
    writer.write(parts.isEmpty ? Self.plainVersion : Self.formatVersion)
    if !parts.isEmpty {
      writer.write(UInt32(parts.count))
      for part in parts {
        writer.write(part.size)
        writer.write(UInt8(part.checksum?.bytes.count ?? 0))
        for byte in part.checksum?.bytes ?? [] { writer.write(byte) }
      }
    }
    for chunk in chunks {
      writer.write(chunk.location)
      writer.write(chunk.length)
    }
    return writer.buffer
  }

  /// Reads what ``encoded()`` made.
  package init(decoding buffer: ByteBuffer) throws(FormatError) {
    var buffer = buffer
    guard let version = buffer.readInteger(as: UInt8.self) else { throw .truncated(what: "manifest") }
    guard version <= Self.formatVersion else {
      throw .newerVersion(what: "manifest", found: version, supported: Self.formatVersion)
    }
    parts = try version == Self.plainVersion ? [] : Self.parts(&buffer)
    chunks = []
    chunks.reserveCapacity(buffer.readableBytes / Self.chunkLength)
    while let location = buffer.readLocation() {
      guard let length = buffer.readInteger(endianness: .little, as: UInt32.self) else {
        throw .truncated(what: "manifest")
      }
      chunks.append(Chunk(location: location, length: length))
    }
    guard buffer.readableBytes == 0 else { throw .truncated(what: "manifest") }
    // Each has been checked to be less than all bytes that there can be, so the sum of so few can't overflow.
    let partBytes = parts.reduce(0) { $0 + $1.size }
    let chunkBytes = chunks.reduce(0) { $0 + UInt64($1.length) }
    guard parts.isEmpty || partBytes == chunkBytes else {
      throw .outOfRange(what: "bytes of a manifest's parts", value: partBytes, max: chunkBytes)
    }
  }

  private static func parts(_ buffer: inout ByteBuffer) throws(FormatError) -> [Part] {
    guard let count = buffer.readInteger(endianness: .little, as: UInt32.self), count <= partCountMax else {
      throw .truncated(what: "manifest")
    }
    var parts: [Part] = []
    for _ in 0..<count {
      guard
        let size = buffer.readInteger(endianness: .little, as: UInt64.self),
        let length = buffer.readInteger(as: UInt8.self), let checksum = buffer.readBytes(length: Int(length))
      else { throw .truncated(what: "manifest") }
      guard size <= Limits.storedSizeMax else {
        throw .outOfRange(what: "bytes of a manifest's part", value: size, max: Limits.storedSizeMax)
      }
      parts.append(Part(size: size, checksum: checksum.isEmpty ? nil : Digest(checksum)))
    }
    return parts
  }
}
