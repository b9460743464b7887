package import NIOCore

/// The members of a body that is one JSON object (RFC 8259), strictly: whatever is no JSON is refused.
///
/// Texts come out as they arrive, their escapes decoded. Members of other kinds are checked and passed over.
package struct JSONFieldParser: FieldParser {
  /// Arrays and objects within one another.
  package static let depthMax = 64

  private enum State: Hashable {
    case start
    case value
    /// A value, or the end of an empty array.
    case firstElement
    /// A name, or the end of an empty object.
    case firstName
    case name
    case colon
    /// A comma, or the end of what is open.
    case separator
    case string
    case number(JSONNumber)
    /// The rest of `true`, `false` or `null`.
    case word(ArraySlice<UInt8>)
    case end
  }

  private enum StringRole {
    case name
    case text
    /// Something that nobody asks for.
    case other
  }

  private var buffer = ByteBuffer()
  private var fed: UInt64 = 0
  private var state: State = .start
  /// What closes the arrays and objects that are open.
  private var closers: [UInt8] = []
  private var string = JSONStringDecoder()
  private var role: StringRole = .other
  private var name: [UInt8] = []
  private var text = ByteBuffer()
  /// Events that were found and not taken yet; few.
  private var events: [FieldEvent] = []

  package init() {}

  package mutating func feed(_ bytes: ByteBuffer) {
    fed += UInt64(bytes.readableBytes)
    buffer.discardReadBytes()
    if buffer.readableBytes == 0 { buffer = bytes } else { buffer.writeImmutableBuffer(bytes) }
  }

  package mutating func next() throws -> FieldEvent? {
    while events.isEmpty, let byte = buffer.getInteger(at: buffer.readerIndex, as: UInt8.self) {
      do throws(JSONSyntaxError) {
        if state == .string { try readString() } else { try read(byte) }
      } catch {
        throw FieldError.json(error.reason, at: offset)
      }
    }
    return events.isEmpty ? nil : events.removeFirst()
  }

  package mutating func finish() throws {
    guard state == .end else { throw FieldError.json("it ends too early", at: offset) }
  }

  private var offset: UInt64 { fed - UInt64(buffer.readableBytes) }

  /// Bytes between strings. A number's end is seen by the byte behind it, which is then read again.
  private mutating func read(_ byte: UInt8) throws(JSONSyntaxError) {
    if case .number(var number) = state {
      if number.take(byte) {
        state = .number(number)
        buffer.moveReaderIndex(forwardBy: 1)
      } else {
        guard number.isComplete else { throw JSONSyntaxError("a number is malformed") }
        valueEnded()
      }
      return
    }
    buffer.moveReaderIndex(forwardBy: 1)
    if case .word(let rest) = state {
      guard byte == rest.first else { throw JSONSyntaxError("only true, false and null are words") }
      if rest.count == 1 { valueEnded() } else { state = .word(rest.dropFirst()) }
      return
    }
    let isSpace = byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
    guard !isSpace else { return }
    switch state {
    case .start:
      guard byte == UInt8(ascii: "{") else { throw JSONSyntaxError("it must be an object") }
      closers = [UInt8(ascii: "}")]
      state = .firstName
    case .firstName where byte == UInt8(ascii: "}"), .firstElement where byte == UInt8(ascii: "]"): closed()
    case .firstName, .name:
      guard byte == UInt8(ascii: "\"") else { throw JSONSyntaxError("a member's name must come here") }
      begin(closers.count == 1 ? .name : .other, isName: true)
    case .colon:
      guard byte == UInt8(ascii: ":") else { throw JSONSyntaxError("a colon must come here") }
      state = .value
    case .separator where byte == UInt8(ascii: ","):
      state = closers.last == UInt8(ascii: "}") ? .name : .value
    case .separator:
      guard byte == closers.last else { throw JSONSyntaxError("a comma or the end of what is open must come here") }
      closed()
    case .value, .firstElement: try beginValue(byte)
    case .end: throw JSONSyntaxError("something follows its end")
    // These were dealt with.
    case .string, .number, .word: break
    }
  }

  // MARK: Values

  private mutating func beginValue(_ byte: UInt8) throws(JSONSyntaxError) {
    switch byte {
    case UInt8(ascii: "\""):
      begins(.text)
      begin(closers.count == 1 ? .text : .other, isName: false)
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      guard closers.count < Self.depthMax else { throw JSONSyntaxError("more than \(Self.depthMax) levels are open") }
      begins(.other)
      let isObject = byte == UInt8(ascii: "{")
      closers.append(isObject ? UInt8(ascii: "}") : UInt8(ascii: "]"))
      state = isObject ? .firstName : .firstElement
    case UInt8(ascii: "n"):
      begins(.null)
      state = .word(Array("ull".utf8)[...])
    case UInt8(ascii: "t"), UInt8(ascii: "f"):
      begins(.other)
      state = .word(Array((byte == UInt8(ascii: "t") ? "rue" : "alse").utf8)[...])
    default:
      var number = JSONNumber()
      guard number.take(byte) else { throw JSONSyntaxError("a value must come here") }
      begins(.other)
      state = .number(number)
    }
  }

  private mutating func begins(_ kind: FieldKind) {
    guard closers.count == 1 else { return }
    events.append(.began(name: String(decoding: name, as: UTF8.self), kind))
    name = []
  }

  private mutating func valueEnded() {
    if closers.count == 1 { events.append(.ended) }
    state = .separator
  }

  private mutating func closed() {
    closers.removeLast()
    if closers.isEmpty { state = .end } else { valueEnded() }
  }

  // MARK: Strings

  private mutating func begin(_ role: StringRole, isName: Bool) {
    self.role = role
    string = JSONStringDecoder(isName: isName)
    state = .string
  }

  private mutating func readString() throws(JSONSyntaxError) {
    let isComplete = try string.decode(&buffer, into: &text)
    let piece = text
    text = ByteBuffer()
    switch role {
    case .name:
      guard name.count + piece.readableBytes <= FieldError.nameBytesMax else {
        throw JSONSyntaxError("a member's name has more than \(FieldError.nameBytesMax) bytes")
      }
      name += piece.readableBytesView
    case .text: if piece.readableBytes > 0 { events.append(.bytes(piece)) }
    case .other: break
    }
    guard isComplete else { return }
    if string.isName { state = .colon } else { valueEnded() }
  }
}

struct JSONSyntaxError: Error {
  let reason: String

  init(_ reason: String) {
    self.reason = reason
  }
}

/// Follows the digits of a number.
struct JSONNumber: Hashable {
  private enum State {
    case start, minus, zero, whole, point, fraction, exponent, exponentSign, exponentDigits
  }

  private var state: State = .start

  /// The number may end here.
  var isComplete: Bool {
    switch state {
    case .zero, .whole, .fraction, .exponentDigits: true
    case .start, .minus, .point, .exponent, .exponentSign: false
    }
  }

  /// False for a byte that is not part of the number.
  mutating func take(_ byte: UInt8) -> Bool {
    let isDigit = (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    switch (state, byte) {
    case (.start, UInt8(ascii: "-")): state = .minus
    case (.start, UInt8(ascii: "0")), (.minus, UInt8(ascii: "0")): state = .zero
    case (.start, _) where isDigit, (.minus, _) where isDigit, (.whole, _) where isDigit: state = .whole
    case (.zero, UInt8(ascii: ".")), (.whole, UInt8(ascii: ".")): state = .point
    case (.point, _) where isDigit, (.fraction, _) where isDigit: state = .fraction
    case (.zero, UInt8(ascii: "e")), (.zero, UInt8(ascii: "E")), (.whole, UInt8(ascii: "e")),
      (.whole, UInt8(ascii: "E")), (.fraction, UInt8(ascii: "e")), (.fraction, UInt8(ascii: "E")):
      state = .exponent
    case (.exponent, UInt8(ascii: "+")), (.exponent, UInt8(ascii: "-")): state = .exponentSign
    case (.exponent, _) where isDigit, (.exponentSign, _) where isDigit, (.exponentDigits, _) where isDigit:
      state = .exponentDigits
    default: return false
    }
    return true
  }
}
