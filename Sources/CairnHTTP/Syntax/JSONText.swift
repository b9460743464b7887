package import NIOCore

/// Writes JSON text (RFC 8259) into a buffer: for answers, which are small, many, and always of a known shape.
package struct JSONText {
  package private(set) var buffer = ByteBuffer()
  /// The next value is the first of its object or array, or follows a key.
  private var needsComma = false

  package init() {
    buffer.reserveCapacity(512)
  }

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
    buffer.writeInteger(UInt8(ascii: "\""))
    buffer.writeStaticString(name)
    buffer.writeInteger(Self.keyEnd)
    needsComma = false
  }

  package mutating func string(_ text: String?) {
    separate()
    guard let text else {
      buffer.writeStaticString("null")
      return
    }
    buffer.writeInteger(UInt8(ascii: "\""))
    if text.utf8.contains(where: Self.isEscaped) {
      for byte in text.utf8 { writeEscaped(byte) }
    } else {
      buffer.writeString(text)
    }
    buffer.writeInteger(UInt8(ascii: "\""))
  }

  package mutating func number(_ value: some BinaryInteger) {
    separate()
    buffer.writeString(String(value))
  }

  package mutating func bool(_ value: Bool) {
    separate()
    buffer.writeString(value ? "true" : "false")
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

  package mutating func member(_ name: StaticString, _ texts: some Sequence<String>) {
    key(name)
    array(texts) { $0.string($1) }
  }

  /// A member whose name is not known when the program is compiled.
  package mutating func member(dynamic name: String, _ text: String?) {
    string(name)
    buffer.writeStaticString(":")
    needsComma = false
    string(text)
  }

  private mutating func nested(_ open: StaticString, _ close: StaticString, _ body: (inout JSONText) -> Void) {
    separate()
    buffer.writeStaticString(open)
    needsComma = false
    body(&self)
    buffer.writeStaticString(close)
    needsComma = true
  }

  /// `":`
  private static let keyEnd = UInt16(UInt8(ascii: "\"")) << 8 | UInt16(UInt8(ascii: ":"))

  private mutating func separate() {
    if needsComma { buffer.writeInteger(UInt8(ascii: ",")) }
    needsComma = true
  }

  private static func isEscaped(_ byte: UInt8) -> Bool {
    byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
  }

  private mutating func writeEscaped(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""): buffer.writeStaticString("\\\"")
    case UInt8(ascii: "\\"): buffer.writeStaticString("\\\\")
    case 0x0A: buffer.writeStaticString("\\n")
    case 0x0D: buffer.writeStaticString("\\r")
    case 0x09: buffer.writeStaticString("\\t")
    case 0..<0x20:
      buffer.writeString("\\u00" + (byte < 16 ? "0" : "") + String(byte, radix: 16))
    default: buffer.writeInteger(byte)
    }
  }
}
