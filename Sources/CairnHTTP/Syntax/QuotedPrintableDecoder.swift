package import NIOCore

/// Decodes quoted-printable text (RFC 2045, section 6.7) as it arrives, however it is split.
///
/// Blanks before the end of a line are dropped, as the RFC demands: they were added on the way. Bytes that should have
/// been encoded are taken as they are.
package struct QuotedPrintableDecoder {
  package enum Failure: Error, Hashable, CustomStringConvertible {
    /// `=` with something behind it that is neither two hexadecimal digits nor the end of a line; where, from 0.
    case badEscape(at: UInt64)
    /// More blanks in a row than a line may have.
    case tooManyBlanks(at: UInt64)

    package var description: String {
      switch self {
      case .badEscape(let offset):
        "the quoted-printable text has a '=' at offset \(offset) that neither two hexadecimal digits nor a line end follow"
      case .tooManyBlanks(let offset):
        "the quoted-printable text has more than \(QuotedPrintableDecoder.blanksMax) blanks in a row at offset \(offset)"
      }
    }
  }

  private enum State {
    case text
    /// After a `=`.
    case escape
    case firstDigit(UInt8)
    /// After a `=` and blanks: only the end of the line may follow.
    case blanksOfSoftBreak
    /// After a `=` and a carriage return.
    case returnOfSoftBreak
  }

  /// Blanks that are held back until it is known whether the line ends behind them: more than a line may have (76).
  static let blanksMax = 1024

  private var state: State = .text
  private var blanks: [UInt8] = []
  private var offset: UInt64 = 0
  /// Where the last `=` was.
  private var escape: UInt64 = 0

  package init() {}

  /// The bytes that are known with this piece of the text.
  package mutating func decode(_ text: ByteBuffer) throws(Failure) -> ByteBuffer {
    var decoded: [UInt8] = []
    decoded.reserveCapacity(text.readableBytes + blanks.count)
    for byte in text.readableBytesView {
      try take(byte, into: &decoded)
      offset += 1
    }
    return ByteBuffer(bytes: decoded)
  }

  /// The text has come to its end. A `=` there is the end of a line that was cut off with it.
  package func finish() throws(Failure) {
    if case .firstDigit = state { throw .badEscape(at: escape) }
  }

  private mutating func take(_ byte: UInt8, into decoded: inout [UInt8]) throws(Failure) {
    switch (state, byte) {
    case (.text, UInt8(ascii: "=")):
      flushBlanks(into: &decoded)
      state = .escape
      escape = offset
    case (.text, UInt8(ascii: " ")), (.text, UInt8(ascii: "\t")):
      guard blanks.count < Self.blanksMax else { throw .tooManyBlanks(at: offset) }
      blanks.append(byte)
    case (.text, 0x0D), (.text, 0x0A):
      blanks.removeAll(keepingCapacity: true)
      decoded.append(byte)
    case (.text, _):
      flushBlanks(into: &decoded)
      decoded.append(byte)
    case (.escape, 0x0D), (.blanksOfSoftBreak, 0x0D): state = .returnOfSoftBreak
    case (.escape, 0x0A), (.blanksOfSoftBreak, 0x0A), (.returnOfSoftBreak, 0x0A): state = .text
    case (.escape, UInt8(ascii: " ")), (.escape, UInt8(ascii: "\t")), (.blanksOfSoftBreak, UInt8(ascii: " ")),
      (.blanksOfSoftBreak, UInt8(ascii: "\t")):
      state = .blanksOfSoftBreak
    case (.escape, _):
      guard let digit = PercentCoding.digit(byte) else { throw .badEscape(at: escape) }
      state = .firstDigit(digit)
    case (.firstDigit(let high), _):
      guard let low = PercentCoding.digit(byte) else { throw .badEscape(at: escape) }
      decoded.append(high << 4 | low)
      state = .text
    case (.blanksOfSoftBreak, _), (.returnOfSoftBreak, _): throw .badEscape(at: escape)
    }
  }

  private mutating func flushBlanks(into decoded: inout [UInt8]) {
    guard !blanks.isEmpty else { return }
    decoded.append(contentsOf: blanks)
    blanks.removeAll(keepingCapacity: true)
  }
}
