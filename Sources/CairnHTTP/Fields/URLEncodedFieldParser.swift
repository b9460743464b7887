package import NIOCore

/// The fields of an application/x-www-form-urlencoded body: `a=1&b=2`, where `+` is a space.
package struct URLEncodedFieldParser: FieldParser {
  private enum State {
    case name
    case value
  }

  private enum Escape {
    case none
    case percent
    case firstDigit(UInt8)
  }

  private var buffer = ByteBuffer()
  private var state: State = .name
  private var escape: Escape = .none
  private var name: [UInt8] = []
  /// Events that were found and not taken yet; few.
  private var events: [FieldEvent] = []

  package init() {}

  package mutating func feed(_ bytes: ByteBuffer) {
    buffer.discardReadBytes()
    if buffer.readableBytes == 0 { buffer = bytes } else { buffer.writeImmutableBuffer(bytes) }
  }

  package mutating func next() throws -> FieldEvent? {
    while events.isEmpty, buffer.readableBytes > 0 { try step() }
    return events.isEmpty ? nil : events.removeFirst()
  }

  package mutating func finish() throws {
    guard case .none = escape else { throw FieldError.percentCoding }
    try endPair()
  }

  /// Decodes up to the end of a name or value, or of what has come.
  private mutating func step() throws(FieldError) {
    let endsName = state == .name
    var decoded = ByteBuffer()
    var consumed = 0
    var end: UInt8?
    var isMalformed = false
    var escape = escape
    buffer.withUnsafeReadableBytes { bytes in
      // No further than this pair: room for all that came, for each of many pairs, would cost its square.
      let input = UnsafeRawBufferPointer(
        rebasing: bytes[..<(bytes.firstIndex(of: UInt8(ascii: "&")).map { $0 + 1 } ?? bytes.count)])
      decoded.writeWithUnsafeMutableBytes(minimumWritableBytes: input.count) { output in
        var written = 0
        while consumed < input.count {
          let byte = input[consumed]
          consumed += 1
          var plain = byte
          switch escape {
          case .none:
            switch byte {
            case UInt8(ascii: "&"): end = byte
            case UInt8(ascii: "=") where endsName: end = byte
            case UInt8(ascii: "%"):
              escape = .percent
              continue
            case UInt8(ascii: "+"): plain = UInt8(ascii: " ")
            default: break
            }
            if end != nil { return written }
          case .percent:
            guard let digit = PercentCoding.digit(byte) else {
              isMalformed = true
              return written
            }
            escape = .firstDigit(digit)
            continue
          case .firstDigit(let high):
            guard let low = PercentCoding.digit(byte) else {
              isMalformed = true
              return written
            }
            escape = .none
            plain = high << 4 | low
          }
          output[written] = plain
          written += 1
        }
        return written
      }
    }
    guard !isMalformed else { throw .percentCoding }
    self.escape = escape
    buffer.moveReaderIndex(forwardBy: consumed)
    try take(decoded)
    switch end {
    case UInt8(ascii: "=")?: try beginValue()
    case .some: try endPair()
    case nil: break
    }
  }

  private mutating func take(_ decoded: ByteBuffer) throws(FieldError) {
    switch state {
    case .name:
      guard name.count + decoded.readableBytes <= FieldError.nameBytesMax else { throw .nameTooLong }
      name += decoded.readableBytesView
    case .value:
      if decoded.readableBytes > 0 { events.append(.bytes(decoded)) }
    }
  }

  private mutating func beginValue() throws(FieldError) {
    guard let text = String(validating: name, as: UTF8.self) else { throw .nameEncoding }
    name = []
    state = .value
    events.append(.began(name: text, .text))
  }

  private mutating func endPair() throws(FieldError) {
    if state == .name {
      guard !name.isEmpty else { return }
      try beginValue()
    }
    events.append(.ended)
    state = .name
  }
}
