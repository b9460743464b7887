package import NIOCore

/// What is wrong with base64 text.
package enum Base64Error: Error, Hashable, CustomStringConvertible {
  /// A byte that is no digit, and where: counted from 0 in the text.
  case badCharacter(UInt8, at: UInt64)
  /// `=` where no padding may be, or something behind it.
  case badPadding(at: UInt64)
  /// The last four digits are not complete.
  case truncated(at: UInt64)

  package var description: String {
    switch self {
    case .badCharacter(let byte, let offset):
      "the base64 text has the byte \(byte) at offset \(offset), which is none of A-Z, a-z, 0-9, '+', '/' and '='"
    case .badPadding(let offset): "the base64 text has misplaced padding at offset \(offset)"
    case .truncated(let offset):
      "the base64 text ends at offset \(offset) in the middle of four digits: is its padding missing?"
    }
  }
}

/// Decodes base64 (RFC 4648, section 4) as it arrives, however it is split. Padding is required; line ends are skipped.
package struct Base64Decoder {
  private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  // What a byte is when it is no digit; digits are below 64.
  private static let padding: UInt8 = 64
  private static let skipped: UInt8 = 65
  private static let invalid: UInt8 = 255

  private let values: [UInt8]
  private var bits: UInt32 = 0
  /// Digits and padding of the current four.
  private var count = 0
  private var paddingCount = 0
  private var offset: UInt64 = 0

  /// - Parameter spaceIsPlus: read a space as `+`: what becomes of one that a form's sender did not encode.
  package init(spaceIsPlus: Bool = false) {
    var values = [UInt8](repeating: Self.invalid, count: 256)
    for (value, digit) in Self.digits.enumerated() { values[Int(digit)] = UInt8(value) }
    values[Int(UInt8(ascii: "="))] = Self.padding
    values[0x0A] = Self.skipped
    values[0x0D] = Self.skipped
    if spaceIsPlus { values[0x20] = 62 }
    self.values = values
  }

  /// The bytes that are known with this piece of the text.
  package mutating func decode(_ text: ByteBuffer) throws(Base64Error) -> ByteBuffer {
    var decoded = ByteBuffer()
    decoded.reserveCapacity(text.readableBytes / 4 * 3 + 3)
    var failure: Base64Error?
    _ = text.withUnsafeReadableBytes { text in
      decoded.writeWithUnsafeMutableBytes(minimumWritableBytes: text.count / 4 * 3 + 3) { output in
        do throws(Base64Error) { return try decode(text, into: output) } catch {
          failure = error
          return 0
        }
      }
    }
    if let failure { throw failure }
    return decoded
  }

  /// The text has come to its end.
  package func finish() throws(Base64Error) {
    guard count == 0 || (paddingCount > 0 && count == 4) else { throw .truncated(at: offset) }
  }

  private mutating func decode(
    _ text: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
  ) throws(Base64Error) -> Int {
    var written = 0
    var index = 0
    defer { offset += UInt64(index) }
    while index < text.count {
      if count == 0 {
        (index, written) = decodeWholeFours(text, from: index, into: output, at: written)
        guard index < text.count else { break }
      }
      let byte = text[index]
      let value = values[Int(byte)]
      let position = offset + UInt64(index)
      index += 1
      if value == Self.skipped { continue }
      guard value <= Self.padding else { throw .badCharacter(byte, at: position) }
      guard try take(value, at: position) else { continue }
      for shift in [16, 8, 0].prefix(3 - paddingCount) {
        output[written] = UInt8(truncatingIfNeeded: bits >> UInt32(shift))
        written += 1
      }
      bits = 0
      if paddingCount == 0 { count = 0 }
    }
    return written
  }

  /// True when the four are complete.
  private mutating func take(_ value: UInt8, at position: UInt64) throws(Base64Error) -> Bool {
    guard count < 4 else { throw .badPadding(at: position) }
    if value == Self.padding {
      guard count >= 2 else { throw .badPadding(at: position) }
      paddingCount += 1
      bits <<= 6
    } else {
      guard paddingCount == 0 else { throw .badPadding(at: position) }
      bits = bits << 6 | UInt32(value)
    }
    count += 1
    // Bits that no byte takes in must be zero, or two texts would stand for the same bytes.
    let unused: UInt32 = paddingCount == 2 ? 0xFFFF : paddingCount == 1 ? 0xFF : 0
    guard count < 4 || bits & unused == 0 else { throw .badPadding(at: position) }
    return count == 4
  }

  /// Decodes as long as four digits follow one another without anything between them.
  private func decodeWholeFours(
    _ text: UnsafeRawBufferPointer, from start: Int, into output: UnsafeMutableRawBufferPointer, at end: Int
  ) -> (index: Int, written: Int) {
    var index = start
    var written = end
    values.withUnsafeBufferPointer { values in
      while index + 4 <= text.count {
        let first = values[Int(text[index])]
        let second = values[Int(text[index + 1])]
        let third = values[Int(text[index + 2])]
        let fourth = values[Int(text[index + 3])]
        guard first | second | third | fourth < 64 else { return }
        output[written] = first << 2 | second >> 4
        output[written + 1] = second << 4 | third >> 2
        output[written + 2] = third << 6 | fourth
        index += 4
        written += 3
      }
    }
    return (index, written)
  }
}
