package import NIOCore

/// Writes JSON text (RFC 8259): for answers, which are small, many, and always of a known shape.
///
/// Into an array, because each write to a `ByteBuffer` costs the checks of a buffer that may be shared.
package struct JSONText {
  private var bytes: [UInt8] = []
  /// The next value is the first of its object or array, or follows a key.
  private var needsComma = false

  package init() {
    bytes.reserveCapacity(768)
  }

  /// What was written.
  package var buffer: ByteBuffer { ByteBuffer(bytes: bytes) }

  package mutating func object(_ body: (inout JSONText) -> Void) {
    nested("{", "}", body)
  }

  package mutating func array<Element>(
    _ elements: some Sequence<Element>, _ body: (inout JSONText, Element) -> Void
  ) {
    nested("[", "]") { json in
      for element in elements { body(&json, element) }
    }
  }

  package mutating func key(_ name: StaticString) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    write(name)
    bytes.append(UInt8(ascii: "\""))
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  package mutating func string(_ text: String?) {
    separate()
    guard var text else { return write("null") }
    bytes.append(UInt8(ascii: "\""))
    text.withUTF8 { utf8 in
      if Self.needEscapes(utf8) {
        for byte in utf8 { writeEscaped(byte) }
      } else {
        bytes.append(contentsOf: utf8)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  package mutating func number(_ value: some BinaryInteger) {
    separate()
    bytes.append(contentsOf: String(value).utf8)
  }

  package mutating func bool(_ value: Bool) {
    separate()
    write(value ? "true" : "false")
  }

  /// With up to four digits behind the point; null for what is no number.
  package mutating func decimal(_ value: Double) {
    separate()
    guard value.isFinite else { return write("null") }
    bytes.append(contentsOf: String((value * 10_000).rounded() / 10_000).utf8)
  }

  // MARK: Members of an object

  package mutating func member(_ name: StaticString, _ text: String?) {
    key(name)
    string(text)
  }

  package mutating func member(_ name: StaticString, _ value: some BinaryInteger) {
    key(name)
    number(value)
  }

  package mutating func member(_ name: StaticString, _ value: Bool) {
    key(name)
    bool(value)
  }

  package mutating func member(_ name: StaticString, decimal value: Double) {
    key(name)
    decimal(value)
  }

  package mutating func member(_ name: StaticString, _ texts: some Sequence<String>) {
    key(name)
    array(texts) { $0.string($1) }
  }

  /// A member whose name is not known when the program is compiled.
  package mutating func member(dynamic name: String, _ text: String?) {
    key(dynamic: name)
    string(text)
  }

  /// A key that is not known when the program is compiled.
  package mutating func key(dynamic name: String) {
    string(name)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  private mutating func nested(_ open: StaticString, _ close: StaticString, _ body: (inout JSONText) -> Void) {
    separate()
    write(open)
    needsComma = false
    body(&self)
    write(close)
    needsComma = true
  }

  private mutating func write(_ text: StaticString) {
    text.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }

  private mutating func separate() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
    needsComma = true
  }

  /// Without an early end, so that the compiler can look at many bytes at once.
  private static func needEscapes(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    var found = false
    for byte in text {
      found = (byte < 0x20) || (byte == UInt8(ascii: "\"")) || (byte == UInt8(ascii: "\\")) || found
    }
    return found
  }

  private mutating func writeEscaped(_ byte: UInt8) {
    if let letter = Self.escapeLetter(byte) {
      bytes.append(UInt8(ascii: "\\"))
      bytes.append(letter)
    } else if byte < 0x20 {
      bytes.append(contentsOf: Self.unicodeEscape(byte))
    } else {
      bytes.append(byte)
    }
  }

  /// What stands behind the backslash for a character that has an escape of two.
  static func escapeLetter(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): byte
    case 0x0A: UInt8(ascii: "n")
    case 0x0D: UInt8(ascii: "r")
    case 0x09: UInt8(ascii: "t")
    default: nil
    }
  }

  /// The escape of another control character.
  static func unicodeEscape(_ byte: UInt8) -> String.UTF8View {
    ("\\u00" + (byte < 16 ? "0" : "") + String(byte, radix: 16)).utf8
  }
}
