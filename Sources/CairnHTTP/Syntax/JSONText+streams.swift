package import NIOCore

/// Text that is too long to be one value in memory.
extension JSONText {
  private static let unicodeEscapeLength = 6

  /// Bytes that ``escaped(_:)`` gives.
  package static func escapedLength(_ utf8: ByteBuffer) -> Int {
    utf8.withUnsafeReadableBytes { utf8 in
      var (length, index) = (utf8.count, 0)
      while let special = nextSpecial(in: utf8, from: index) {
        length += (escapeLetter(utf8[special]) == nil ? unicodeEscapeLength : 2) - 1
        index = special + 1
      }
      return length
    }
  }

  /// Bytes of UTF-8 as they stand within the quotes of a string.
  package static func escaped(_ utf8: ByteBuffer) -> ByteBuffer {
    let length = escapedLength(utf8)
    guard length > utf8.readableBytes else { return utf8 }
    var text = ByteBuffer()
    text.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { text in
      utf8.withUnsafeReadableBytes { utf8 in
        var (written, index) = (0, 0)
        func copy(upTo end: Int) {
          UnsafeMutableRawBufferPointer(rebasing: text[written...])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: utf8[index..<end]))
          written += end - index
        }
        while let special = nextSpecial(in: utf8, from: index) {
          copy(upTo: special)
          if let letter = escapeLetter(utf8[special]) {
            text[written] = UInt8(ascii: "\\")
            text[written + 1] = letter
            written += 2
          } else {
            for byte in unicodeEscape(utf8[special]) {
              text[written] = byte
              written += 1
            }
          }
          index = special + 1
        }
        copy(upTo: utf8.count)
      }
      return length
    }
    return text
  }

  private static func nextSpecial(in utf8: UnsafeRawBufferPointer, from index: Int) -> Int? {
    let special = index + plainCount(UnsafeRawBufferPointer(rebasing: utf8[index...]))
    return special < utf8.count ? special : nil
  }

  /// Bytes at the start that stand for themselves.
  static func plainCount(_ bytes: UnsafeRawBufferPointer) -> Int {
    var index = 0
    while index < bytes.count {
      // Eight at once, where none of them is special: the tricks find a byte that is zero, or less than 0x20.
      while index + 8 <= bytes.count {
        let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        let (quotes, slashes) = (word ^ 0x2222_2222_2222_2222, word ^ 0x5C5C_5C5C_5C5C_5C5C)
        let found =
          (quotes &- 0x0101_0101_0101_0101) & ~quotes | (slashes &- 0x0101_0101_0101_0101) & ~slashes
          | (word &- 0x2020_2020_2020_2020) & ~word
        guard found & 0x8080_8080_8080_8080 == 0 else { break }
        index += 8
      }
      guard index < bytes.count else { break }
      let byte = bytes[index]
      if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { break }
      index += 1
    }
    return index
  }
}
