package import NIOCore

/// Encodes bytes as base64 (RFC 4648, section 4) while they pass, however they are split.
package struct Base64Encoder {
  private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// Up to two bytes that wait for a third one.
  private var rest = ByteBuffer()

  package init() {}

  /// Characters that `count` bytes become.
  package static func encodedLength(of count: UInt64) -> UInt64 { (count + 2) / 3 * 4 }

  /// The text that is known with these bytes.
  package mutating func encode(_ bytes: ByteBuffer) -> ByteBuffer {
    var input = bytes
    if rest.readableBytes > 0 {
      input = rest
      input.writeImmutableBuffer(bytes)
    }
    let whole = input.readableBytes / 3 * 3
    let encodable = input.readSlice(length: whole) ?? ByteBuffer()
    rest = input
    return Self.encodeWhole(encodable)
  }

  /// The end of the text, with its padding.
  package mutating func finish() -> ByteBuffer {
    let count = rest.readableBytes
    guard count > 0 else { return ByteBuffer() }
    rest.writeRepeatingByte(0, count: 3 - count)
    var text = Self.encodeWhole(rest)
    rest.clear()
    text.setRepeatingByte(UInt8(ascii: "="), count: 3 - count, at: text.writerIndex - (3 - count))
    return text
  }

  /// - Parameter bytes: a multiple of three.
  private static func encodeWhole(_ bytes: ByteBuffer) -> ByteBuffer {
    var text = ByteBuffer()
    let length = bytes.readableBytes / 3 * 4
    guard length > 0 else { return text }
    text.reserveCapacity(length)
    text.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { text in
      bytes.withUnsafeReadableBytes { bytes in
        digits.withUnsafeBufferPointer { digits in
          var target = 0
          for source in stride(from: 0, to: bytes.count, by: 3) {
            let (first, second, third) = (bytes[source], bytes[source + 1], bytes[source + 2])
            text[target] = digits[Int(first >> 2)]
            text[target + 1] = digits[Int((first & 0x03) << 4 | second >> 4)]
            text[target + 2] = digits[Int((second & 0x0F) << 2 | third >> 6)]
            text[target + 3] = digits[Int(third & 0x3F)]
            target += 4
          }
        }
      }
      return length
    }
    return text
  }
}
