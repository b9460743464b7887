package import NIOCore

/// Writes JSON text (RFC 8259): for answers, which are small, many, and always of a known shape.
///
/// Into memory of its own, because each of many small writes to an array or a `ByteBuffer` costs the checks of one that
/// may be shared.
package struct JSONText: ~Copyable {
  private var space: UnsafeMutableRawPointer
  private var capacity = 1024
  private var end = 0
  /// The next value is the first of its object or array, or follows a key.
  private var needsComma = false

  package init() {
    space = .allocate(byteCount: capacity, alignment: 1)
  }

  deinit {
    space.deallocate()
  }

  /// What was written.
  package var buffer: ByteBuffer { ByteBuffer(bytes: UnsafeRawBufferPointer(start: space, count: end)) }

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

  package mutating func array(_ body: (inout JSONText) -> Void) {
    nested("[", "]", body)
  }

  package mutating func key(_ name: StaticString) {
    makeRoom(for: name.utf8CodeUnitCount + 4)
    if needsComma { put(UInt8(ascii: ",")) }
    put(UInt8(ascii: "\""))
    name.withUTF8Buffer { put(UnsafeRawBufferPointer($0)) }
    put(UInt8(ascii: "\""))
    put(UInt8(ascii: ":"))
    needsComma = false
  }

  package mutating func string(_ text: String?) {
    separate()
    guard var text else { return write("null") }
    write(UInt8(ascii: "\""))
    text.withUTF8 { utf8 in
      if Self.needEscapes(utf8) {
        for byte in utf8 { writeEscaped(byte) }
      } else {
        write(UnsafeRawBufferPointer(utf8))
      }
    }
    write(UInt8(ascii: "\""))
  }

  package mutating func number(_ value: some BinaryInteger) {
    separate()
    if let value = UInt64(exactly: value) { write(decimal: value) } else { write(plain: String(value)) }
  }

  private mutating func write(decimal value: UInt64) {
    if value > 9 { write(decimal: value / 10) }
    write(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value % 10))
  }

  package mutating func bool(_ value: Bool) {
    separate()
    write(value ? "true" : "false")
  }

  /// With up to four digits behind the point; null for what is no number.
  package mutating func decimal(_ value: Double) {
    separate()
    guard value.isFinite else { return write("null") }
    write(plain: String((value * 10_000).rounded() / 10_000))
  }

  // MARK: Members of an object

  package mutating func member(_ name: StaticString, _ text: String?) {
    key(name)
    string(text)
  }

  /// Two lower-case digits for each byte; null for nil.
  package mutating func member(_ name: StaticString, hexadecimal bytes: [UInt8]?) {
    key(name)
    separate()
    guard let bytes else { return write("null") }
    makeRoom(for: bytes.count * 2 + 2)
    put(UInt8(ascii: "\""))
    for byte in bytes {
      put(Self.hexadecimalDigit(byte >> 4))
      put(Self.hexadecimalDigit(byte & 0xF))
    }
    put(UInt8(ascii: "\""))
  }

  /// 16 lower-case hexadecimal digits for each of two numbers, as one text.
  package mutating func string(hexadecimal numbers: (UInt64, UInt64)) {
    separate()
    makeRoom(for: 34)
    put(UInt8(ascii: "\""))
    put(hexadecimal: numbers.0)
    put(hexadecimal: numbers.1)
    put(UInt8(ascii: "\""))
  }

  private mutating func put(hexadecimal number: UInt64) {
    for shift in stride(from: UInt64(60), through: 0, by: -4) {
      put(Self.hexadecimalDigit(UInt8(truncatingIfNeeded: number >> shift) & 0xF))
    }
  }

  private static func hexadecimalDigit(_ nibble: UInt8) -> UInt8 {
    nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
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

  package mutating func member(_ name: StaticString, _ texts: [String]) {
    key(name)
    nested("[", "]") { json in
      for text in texts { json.string(text) }
    }
  }

  /// A member whose name is not known when the program is compiled.
  package mutating func member(dynamic name: String, _ text: String?) {
    key(dynamic: name)
    string(text)
  }

  /// A key that is not known when the program is compiled.
  package mutating func key(dynamic name: String) {
    string(name)
    write(UInt8(ascii: ":"))
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
    text.withUTF8Buffer { write(UnsafeRawBufferPointer($0)) }
  }

  private mutating func write(plain text: String) {
    var text = text
    text.withUTF8 { write(UnsafeRawBufferPointer($0)) }
  }

  private mutating func write(_ byte: UInt8) {
    makeRoom(for: 1)
    put(byte)
  }

  private mutating func write(_ bytes: UnsafeRawBufferPointer) {
    makeRoom(for: bytes.count)
    put(bytes)
  }

  // MARK: Memory

  /// Only where there is room.
  private mutating func put(_ byte: UInt8) {
    space.storeBytes(of: byte, toByteOffset: end, as: UInt8.self)
    end += 1
  }

  private mutating func put(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress else { return }
    (space + end).copyMemory(from: source, byteCount: bytes.count)
    end += bytes.count
  }

  private mutating func makeRoom(for count: Int) {
    guard count > capacity - end else { return }
    capacity = max(capacity * 2, end + count)
    let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 1)
    larger.copyMemory(from: space, byteCount: end)
    space.deallocate()
    space = larger
  }

  private mutating func separate() {
    if needsComma { write(UInt8(ascii: ",")) }
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
      write(UInt8(ascii: "\\"))
      write(letter)
    } else if byte < 0x20 {
      for digit in Self.unicodeEscape(byte) { write(digit) }
    } else {
      write(byte)
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
