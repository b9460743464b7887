internal import NIOHTTP1

/// What a field's value looks like as the decoder hands it on.
enum FieldValueForm: Equatable {
  case trimmed
  /// Blanks stand before or after it. They are not part of the value (RFC 9110, section 5.5).
  case padded
  /// It goes on in the next line (`obs-fold`), which only old mail formats allow (RFC 9112, section 5.2).
  case folded

  init(_ value: String) {
    var value = value
    self = value.withUTF8 { bytes in
      guard let first = bytes.first, let last = bytes.last else { return .trimmed }
      if Self.hasLineBreak(UnsafeRawBufferPointer(bytes)) { return .folded }
      return Self.isBlank(first) || Self.isBlank(last) ? .padded : .trimmed
    }
  }

  /// Looks at eight bytes at a time: this is done for every field of every request.
  private static func hasLineBreak(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var index = 0
    while index + 8 <= bytes.count {
      let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
      // The high bit of each byte below 0x0E, and perhaps of a byte above such a one.
      let low = (word &- 0x0E0E_0E0E_0E0E_0E0E) & ~word & 0x8080_8080_8080_8080
      if low != 0, bytes[index..<index + 8].contains(where: isLineBreak) { return true }
      index += 8
    }
    return bytes[index...].contains(where: isLineBreak)
  }

  private static func isLineBreak(_ byte: UInt8) -> Bool { byte == 0x0D || byte == 0x0A }

  fileprivate static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}

extension String {
  /// The text without the blanks around it.
  func trimmingBlanks() -> String {
    let start = utf8.drop(while: FieldValueForm.isBlank)
    guard let end = start.lastIndex(where: { !FieldValueForm.isBlank($0) }) else { return "" }
    return String(Substring(start[...end]))
  }
}

extension HTTPHeaders {
  /// The same fields, their values without the blanks around them.
  func trimmed() -> HTTPHeaders {
    HTTPHeaders(map { name, value in (name, value.trimmingBlanks()) })
  }
}
