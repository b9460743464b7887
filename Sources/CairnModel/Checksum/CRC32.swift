internal import CISAL

/// A running CRC-32 (IEEE 802.3, as in gzip).
package struct CRC32: Sendable {
  /// The checksum of the bytes that went in so far.
  package private(set) var value: UInt32 = 0

  package init() {}

  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
    value = crc32_gzip_refl(value, base.assumingMemoryBound(to: UInt8.self), UInt64(bytes.count))
  }
}
