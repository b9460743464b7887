package import NIOCore

/// Puts stored bytes together from many small pieces. An array does it: each write to a `ByteBuffer` costs the checks
/// of a buffer that may be shared, and a record is made of dozens of writes.
///
/// Fields are a tag byte, a length of four bytes (little-endian, as all numbers here), the value. Readers keep tags
/// that they don't know, so that a field can be added without a new format version.
package struct FieldWriter {
  package private(set) var bytes: [UInt8] = []

  /// - Parameter capacity: bytes that are expected.
  package init(capacity: Int) {
    bytes.reserveCapacity(capacity)
  }

  /// What was written.
  package var buffer: ByteBuffer { ByteBuffer(bytes: bytes) }

  package mutating func write(_ value: UInt8) {
    bytes.append(value)
  }

  package mutating func write(_ value: UInt32) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  package mutating func write(_ value: UInt64) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  package mutating func write(_ id: BlobID) {
    let words = (id.high.littleEndian, id.low.littleEndian)
    withUnsafeBytes(of: words) { bytes.append(contentsOf: $0) }
  }

  package mutating func write(_ location: BlobLocation) {
    write(location.volume.rawValue)
    write(location.blob)
  }

  /// A length of eight bytes, and the text.
  mutating func write(text: Substring) {
    write(UInt64(text.utf8.count))
    let isContiguous: Void? = text.utf8.withContiguousStorageIfAvailable { bytes.append(contentsOf: $0) }
    if isContiguous == nil { bytes.append(contentsOf: text.utf8) }
  }

  package mutating func field(_ tag: UInt8, _ value: UInt64) {
    begin(tag, length: 8)
    write(value)
  }

  package mutating func field(_ tag: UInt8, _ text: String) {
    begin(tag, length: text.utf8.count)
    var text = text
    text.withUTF8 { bytes.append(contentsOf: $0) }
  }

  package mutating func field(_ tag: UInt8, _ value: [UInt8]) {
    begin(tag, length: value.count)
    bytes.append(contentsOf: value)
  }

  package mutating func field(_ tag: UInt8, _ id: BlobID) {
    begin(tag, length: 16)
    write(id)
  }

  package mutating func field(_ tag: UInt8, _ locations: [BlobLocation]) {
    begin(tag, length: locations.count * 24)
    for location in locations { write(location) }
  }

  package mutating func field(_ tag: UInt8, _ blobs: [BlobID]) {
    begin(tag, length: blobs.count * 16)
    for blob in blobs { write(blob) }
  }

  private mutating func begin(_ tag: UInt8, length: Int) {
    // In one piece: most fields are shorter than what a second one costs.
    let head = (UInt64(tag) | UInt64(UInt32(length)) << 8).littleEndian
    withUnsafeBytes(of: head) { bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: $0[..<5])) }
  }
}
