/// A running CRC-64 of NVM Express (also called Rocksoft), which S3's clients have as CRC64NVME.
///
/// Sixteen bytes a step by tables ("slicing"): ISA-L has this polynomial only in versions that are newer than Debian's.
package struct CRC64NVME: Sendable {
  private static let slices = 16
  /// For each place in a step and each byte: what the byte makes of the remainder.
  private static let tables: [UInt64] = {
    var tables = [UInt64](repeating: 0, count: slices * 256)
    for byte in 0..<256 {
      tables[byte] = (0..<8).reduce(UInt64(byte)) { crc, _ in
        crc & 1 == 1 ? crc >> 1 ^ CRCPolynomial.crc64NVME.reflected : crc >> 1
      }
    }
    for index in 256..<slices * 256 {
      let previous = tables[index - 256]
      tables[index] = previous >> 8 ^ tables[Int(previous & 0xFF)]
    }
    return tables
  }()

  private var state: UInt64 = .max

  package init() {}

  /// The checksum of the bytes that went in so far.
  package var value: UInt64 { ~state }

  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    var crc = state
    Self.tables.withUnsafeBufferPointer { tables in
      let steps = bytes.count / Self.slices
      for step in 0..<steps {
        let offset = step * Self.slices
        var low = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) ^ crc
        var high = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self))
        crc = 0
        for place in 0..<8 {
          crc ^= tables[(15 - place) << 8 | Int(low & 0xFF)] ^ tables[(7 - place) << 8 | Int(high & 0xFF)]
          low >>= 8
          high >>= 8
        }
      }
      for byte in bytes[(steps * Self.slices)...] {
        crc = crc >> 8 ^ tables[Int(UInt8(truncatingIfNeeded: crc) ^ byte)]
      }
    }
    state = crc
  }
}
