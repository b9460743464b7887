internal import Glibc
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
      guard let start = bytes.baseAddress, let first = bytes.first, let last = bytes.last else { return .trimmed }
      if memchr(start, 0x0D, bytes.count) != nil || memchr(start, 0x0A, bytes.count) != nil { return .folded }
      return Self.isBlank(first) || Self.isBlank(last) ? .padded : .trimmed
    }
  }

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
