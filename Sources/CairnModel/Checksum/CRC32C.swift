internal import CISAL

/// A running CRC-32C (Castagnoli, RFC 3720 appendix B.4), the checksum of every record.
package struct CRC32C: Sendable {
  private var state: UInt32 = .max

  package init() {}

  /// The checksum of the bytes that went in so far.
  package var value: UInt32 { ~state }

  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
    // ISA-L counts in Int32; records are far smaller, but nothing here depends on it.
    var rest = UnsafeMutableRawPointer(mutating: base)
    var count = bytes.count
    while count > 0 {
      let step = min(count, Int(Int32.max))
      state = crc32_iscsi(rest.assumingMemoryBound(to: UInt8.self), Int32(step), state)
      rest += step
      count -= step
    }
  }

  /// The checksum of `bytes` alone.
  package static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    var crc = CRC32C()
    crc.update(bytes)
    return crc.value
  }
}
