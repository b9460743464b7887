internal import NIOCore

/// Decodes a JSON string as it arrives, from behind its first quote to its last.
struct JSONStringDecoder {
  private enum State {
    case plain
    case backslash
    /// Digits of `\uXXXX` that have come, and how many.
    case unicode(UInt32, count: Int)
  }

  /// It names a member.
  let isName: Bool
  private var state: State = .plain
  private var utf8 = UTF8Validator()
  /// The first half of a character that takes two `\uXXXX`.
  private var highSurrogate: UInt32?

  init(isName: Bool = false) {
    self.isName = isName
  }

  /// Appends what `input` holds of the string to `text`.
  ///
  /// - Returns: true when the last quote was read.
  mutating func decode(_ input: inout ByteBuffer, into text: inout ByteBuffer) throws(JSONSyntaxError) -> Bool {
    var result: Result<Progress, JSONSyntaxError> = .success(Progress())
    input.withUnsafeReadableBytes { bytes in
      // No further than the next quote: room for all that came, for each of many strings, would cost its square.
      let source = UnsafeRawBufferPointer(
        rebasing: bytes[..<(bytes.firstIndex(of: UInt8(ascii: "\"")).map { $0 + 1 } ?? bytes.count)])
      // No escape is shorter than what it stands for; one may have begun in an earlier piece.
      text.writeWithUnsafeMutableBytes(minimumWritableBytes: source.count + 4) { target in
        do throws(JSONSyntaxError) {
          let progress = try decode(source, into: target)
          result = .success(progress)
          return progress.written
        } catch {
          result = .failure(error)
          return 0
        }
      }
    }
    let progress = try result.get()
    input.moveReaderIndex(forwardBy: progress.read)
    return progress.isComplete
  }

  private struct Progress {
    var read = 0
    var written = 0
    var isComplete = false
  }

  private mutating func decode(
    _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
  ) throws(JSONSyntaxError) -> Progress {
    var progress = Progress()
    while progress.read < source.count, !progress.isComplete {
      if case .plain = state {
        let rest = UnsafeRawBufferPointer(rebasing: source[progress.read...])
        let run = UnsafeRawBufferPointer(rebasing: rest.prefix(JSONText.plainCount(rest)))
        if !run.isEmpty {
          guard utf8.accept(run) else { throw JSONSyntaxError("a string is not valid UTF-8") }
          guard highSurrogate == nil else { throw Self.loneSurrogate }
          UnsafeMutableRawBufferPointer(rebasing: target[progress.written...]).copyMemory(from: run)
          progress.read += run.count
          progress.written += run.count
          continue
        }
      }
      let byte = source[progress.read]
      progress.read += 1
      switch try take(byte) {
      case .nothing: break
      case .end: progress.isComplete = true
      case .character(let character):
        for byte in UTF8.encode(character) ?? UTF8.encodedReplacementCharacter {
          target[progress.written] = byte
          progress.written += 1
        }
      }
    }
    return progress
  }

  private static let loneSurrogate = JSONSyntaxError("a \\u escape is half of a character")

  private enum Step {
    case nothing
    case character(Unicode.Scalar)
    case end
  }

  private mutating func take(_ byte: UInt8) throws(JSONSyntaxError) -> Step {
    switch state {
    case .plain:
      guard utf8.isComplete else { throw JSONSyntaxError("a string is not valid UTF-8") }
      if byte == UInt8(ascii: "\\") {
        state = .backslash
        return .nothing
      }
      guard byte == UInt8(ascii: "\"") else { throw JSONSyntaxError("a string has a control character") }
      guard highSurrogate == nil else { throw Self.loneSurrogate }
      return .end
    case .backslash:
      if byte == UInt8(ascii: "u") {
        state = .unicode(0, count: 0)
        return .nothing
      }
      guard highSurrogate == nil else { throw Self.loneSurrogate }
      guard let character = Self.escaped(byte) else {
        throw JSONSyntaxError("a string has an escape that JSON does not know")
      }
      state = .plain
      return .character(Unicode.Scalar(character))
    case .unicode(let digits, let count):
      guard let digit = PercentCoding.digit(byte) else {
        throw JSONSyntaxError("\\u is not followed by four hexadecimal digits")
      }
      let value = digits << 4 | UInt32(digit)
      state = count < 3 ? .unicode(value, count: count + 1) : .plain
      return count < 3 ? .nothing : try takeUnit(value)
    }
  }

  /// A number behind `\u`: a character, or half of one.
  private mutating func takeUnit(_ unit: UInt32) throws(JSONSyntaxError) -> Step {
    var code = unit
    switch (highSurrogate, unit) {
    case (let high?, 0xDC00...0xDFFF):
      code = 0x10000 + (high - 0xD800) << 10 + (unit - 0xDC00)
      highSurrogate = nil
    case (nil, 0xD800...0xDBFF):
      highSurrogate = unit
      return .nothing
    case (nil, _): break
    case (.some, _): throw Self.loneSurrogate
    }
    guard let scalar = Unicode.Scalar(code) else { throw Self.loneSurrogate }
    return .character(scalar)
  }

  private static func escaped(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): byte
    case UInt8(ascii: "b"): 0x08
    case UInt8(ascii: "f"): 0x0C
    case UInt8(ascii: "n"): 0x0A
    case UInt8(ascii: "r"): 0x0D
    case UInt8(ascii: "t"): 0x09
    default: nil
    }
  }
}
