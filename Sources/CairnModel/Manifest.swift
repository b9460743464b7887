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

  package var chunks: [Chunk]

  package init(chunks: [Chunk] = []) {
    self.chunks = chunks
  }

  private static let formatVersion: UInt8 = 1
  private static let chunkLength = 28
  /// So many fit the payload of one record.
  package static let chunkCountMax = (Record.payloadLengthMax - 1) / chunkLength

  package func encoded() -> ByteBuffer {
    var writer = FieldWriter(capacity: 1 + chunks.count * Self.chunkLength)
    writer.write(Self.formatVersion)
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
    chunks = []
    chunks.reserveCapacity(buffer.readableBytes / Self.chunkLength)
    while let location = buffer.readLocation() {
      guard let length = buffer.readInteger(endianness: .little, as: UInt32.self) else {
        throw .truncated(what: "manifest")
      }
      chunks.append(Chunk(location: location, length: length))
    }
    guard buffer.readableBytes == 0 else { throw .truncated(what: "manifest") }
  }
}
