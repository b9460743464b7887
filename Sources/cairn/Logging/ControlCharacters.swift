import NIOCore

/// What makes a terminal do something, or a reader of logs see a line break, where a log line has the words of a client.
///
/// The C0 controls, DEL, the C1 controls, and Unicode's separators of lines and paragraphs.
enum ControlCharacters {
  /// How an escaped character looks.
  enum Style {
    /// `\u{1B}`, as Swift writes it.
    case text
    /// `\u001B`, as JSON writes it. The line breaks and quotes of JSON itself are not escaped again.
    case json
  }

  /// Escapes them in a line that has no line break of its own. O(line).
  static func escape(_ line: inout ByteBuffer, as style: Style) {
    guard line.readableBytesView.contains(where: isSuspect) else { return }
    var escaped = ByteBuffer()
    escaped.reserveCapacity(line.readableBytes + 64)
    let bytes = line.readableBytesView
    var index = bytes.startIndex
    while index < bytes.endIndex {
      if let (scalar, length) = control(in: bytes[index...]) {
        escaped.writeString(text(of: scalar, as: style))
        index += length
      } else {
        escaped.writeInteger(bytes[index])
        index += 1
      }
    }
    line = escaped
  }

  /// Whether one of them can begin with the byte.
  private static func isSuspect(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == 0x7F || byte == 0xC2 || byte == 0xE2
  }

  /// The control character with which UTF-8 bytes begin, and of how many bytes it is.
  private static func control(in bytes: ByteBufferView) -> (scalar: UInt32, length: Int)? {
    var bytes = bytes
    switch bytes.popFirst() {
    case .some(let byte) where byte < 0x20 || byte == 0x7F: return (UInt32(byte), 1)
    case 0xC2:
      guard let second = bytes.popFirst(), (0x80...0x9F).contains(second) else { return nil }
      return (UInt32(second), 2)
    case 0xE2:
      guard bytes.popFirst() == 0x80, let third = bytes.popFirst(), third == 0xA8 || third == 0xA9 else { return nil }
      return (0x2028 + UInt32(third - 0xA8), 3)
    default: return nil
    }
  }

  private static func text(of scalar: UInt32, as style: Style) -> String {
    let digits = String(scalar, radix: 16, uppercase: true)
    switch style {
    case .text: return "\\u{\(digits)}"
    case .json: return "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
    }
  }
}
