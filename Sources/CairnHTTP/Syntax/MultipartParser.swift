internal import Glibc
package import NIOCore

/// What is wrong with a multipart body.
package enum MultipartError: Error, Hashable, CustomStringConvertible {
  case noBoundary
  case badBoundary
  case badDelimiter
  case headersTooLong
  case badHeader
  case tooManyParts
  case encoding(TransferDecoder.Failure)
  case truncated

  package var description: String {
    switch self {
    case .noBoundary: "Content-Type must be multipart/form-data with a boundary"
    case .badBoundary: "the boundary must have 1 to \(MultipartParser.boundaryLengthMax) characters"
    case .badDelimiter: "a boundary is followed by something that is neither a line end nor '--'"
    case .headersTooLong: "a part's headers have more than \(MultipartParser.headerBytesMax) bytes"
    case .badHeader: "a part has a malformed header"
    case .tooManyParts: "the form has more than \(MultipartParser.partsMax) parts"
    case .encoding(let failure): "\(failure)"
    case .truncated: "the body ends before its last boundary"
    }
  }
}

/// Takes a multipart body apart as it arrives, however it is split (RFC 2046, section 5.1).
///
/// The bytes of a part are decoded where its header names an encoding. Feed it, then take events until there is none. It
/// holds no more than a header section, or the few bytes that
/// could be the start of a boundary.
package struct MultipartParser {
  package struct PartHeaders: Hashable, Sendable {
    /// Names in lower case; values as they came.
    package var fields: [(name: String, value: ByteBuffer)]

    package static func == (left: PartHeaders, right: PartHeaders) -> Bool {
      left.fields.elementsEqual(right.fields, by: ==)
    }

    package func hash(into hasher: inout Hasher) {
      for field in fields {
        hasher.combine(field.name)
        hasher.combine(field.value)
      }
    }

    package subscript(name: String) -> ByteBuffer? {
      fields.first { $0.name == name }?.value
    }
  }

  package enum Event: Hashable, Sendable {
    case partBegan(PartHeaders)
    case partBytes(ByteBuffer)
    case partEnded
    /// The last boundary was seen; what follows is ignored.
    case finished
  }

  private enum State {
    case preamble
    case delimiterEnd
    case headers
    case body
    case epilogue
  }

  package static let boundaryLengthMax = 200
  /// Bytes of one part's header section.
  package static let headerBytesMax = 16 << 10
  /// Parts of one form: ten times as many as it may have files.
  package static let partsMax = 10_000

  private static let headersEnd = Array("\r\n\r\n".utf8)

  private let delimiter: [UInt8]
  private var state: State = .preamble
  private var buffer: ByteBuffer
  private var partOpen = false
  private var partCount = 0
  private var decoder = TransferDecoder.identity

  /// - Parameter contentType: the request's header, with the boundary.
  package init(contentType: String?) throws(MultipartError) {
    guard let contentType, let boundary = Self.boundary(in: contentType) else { throw .noBoundary }
    guard (1...Self.boundaryLengthMax).contains(boundary.utf8.count) else { throw .badBoundary }
    delimiter = Array("\r\n--\(boundary)".utf8)
    // So that a boundary at the very start looks like any other.
    buffer = ByteBuffer(string: "\r\n")
  }

  private static func boundary(in contentType: String) -> String? {
    let parts = contentType.split(separator: ";")
    guard parts.first?.trimmingSpaces().lowercased() == "multipart/form-data" else { return nil }
    for part in parts.dropFirst() {
      let pair = part.split(separator: "=", maxSplits: 1)
      guard pair.count == 2, pair[0].trimmingSpaces().lowercased() == "boundary" else { continue }
      var value = pair[1].trimmingSpaces()
      if value.utf8.count >= 2, value.utf8.first == UInt8(ascii: "\""), value.utf8.last == UInt8(ascii: "\"") {
        value = Substring(value.utf8.dropFirst().dropLast())
      }
      return String(value)
    }
    return nil
  }

  package mutating func feed(_ bytes: ByteBuffer) {
    if buffer.readableBytes == 0 {
      buffer = bytes
    } else {
      buffer.discardReadBytes()
      buffer.writeImmutableBuffer(bytes)
    }
  }

  /// The body has come to its end.
  ///
  /// - Throws: ``MultipartError/truncated`` unless the last boundary was seen.
  package func finish() throws(MultipartError) {
    guard case .epilogue = state else { throw .truncated }
  }

  /// The next event, nil when more bytes are needed.
  package mutating func next() throws(MultipartError) -> Event? {
    while true {
      switch state {
      case .preamble:
        let (before, found) = takeUntilDelimiter()
        _ = before
        guard found else { return nil }
        state = .delimiterEnd
      case .delimiterEnd:
        if partOpen {
          partOpen = false
          do throws(TransferDecoder.Failure) { try decoder.finish() } catch { throw .encoding(error) }
          return .partEnded
        }
        guard let end = try takeDelimiterEnd() else { return nil }
        state = end
        if case .epilogue = end { return .finished }
      case .headers:
        guard let headers = try takeHeaders() else { return nil }
        partCount += 1
        guard partCount <= Self.partsMax else { throw .tooManyParts }
        do throws(TransferDecoder.Failure) {
          decoder = try TransferDecoder(header: headers["content-transfer-encoding"])
        } catch {
          throw .encoding(error)
        }
        state = .body
        partOpen = true
        return .partBegan(headers)
      case .body:
        let (before, found) = takeUntilDelimiter()
        if found { state = .delimiterEnd }
        if let before {
          let bytes = try decoded(before)
          if bytes.readableBytes > 0 { return .partBytes(bytes) }
        }
        guard found else { return nil }
      case .epilogue:
        buffer.clear()
        return nil
      }
    }
  }

  private mutating func decoded(_ bytes: ByteBuffer) throws(MultipartError) -> ByteBuffer {
    do throws(TransferDecoder.Failure) { return try decoder.decode(bytes) } catch { throw .encoding(error) }
  }

  /// Takes what can't be part of a delimiter, and the delimiter itself when it is there whole.
  private mutating func takeUntilDelimiter() -> (before: ByteBuffer?, found: Bool) {
    let (position, found) = buffer.withUnsafeReadableBytes { bytes -> (Int, Bool) in
      if let match = bytes.firstOffset(of: delimiter) { return (match, true) }
      let tail = bytes.suffix(delimiter.count - 1)
      let start = tail.indices.first { index in
        zip(bytes[index...], delimiter).allSatisfy { $0 == $1 }
      }
      return (start ?? bytes.count, false)
    }
    let before = position > 0 ? buffer.readSlice(length: position) : nil
    if found { buffer.moveReaderIndex(forwardBy: delimiter.count) }
    return (before, found)
  }

  /// After a delimiter: `--` ends the body, a line end begins a part, spaces before them are padding.
  private mutating func takeDelimiterEnd() throws(MultipartError) -> State? {
    let bytes = buffer.readableBytesView
    guard let start = bytes.firstIndex(where: { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }) else {
      guard bytes.count <= Self.headerBytesMax else { throw .badDelimiter }
      return nil
    }
    guard bytes.endIndex - start >= 2 else { return nil }
    switch (bytes[start], bytes[start + 1]) {
    case (UInt8(ascii: "-"), UInt8(ascii: "-")):
      buffer.clear()
      return .epilogue
    case (0x0D, 0x0A):
      // The line end stays: it is the start of an empty header section, too.
      buffer.moveReaderIndex(forwardBy: start - bytes.startIndex)
      return .headers
    default: throw .badDelimiter
    }
  }

  private mutating func takeHeaders() throws(MultipartError) -> PartHeaders? {
    guard let length = buffer.withUnsafeReadableBytes({ $0.firstOffset(of: Self.headersEnd) }) else {
      guard buffer.readableBytes <= Self.headerBytesMax else { throw .headersTooLong }
      return nil
    }
    guard length <= Self.headerBytesMax, var section = buffer.readSlice(length: length) else { throw .headersTooLong }
    buffer.moveReaderIndex(forwardBy: 4)
    section.moveReaderIndex(forwardBy: min(2, section.readableBytes))
    var headers = PartHeaders(fields: [])
    for line in section.readableBytesView.split(separator: 0x0A) {
      let line = line.last == 0x0D ? line.dropLast() : line
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex else { throw .badHeader }
      let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
      let value = line[(colon + 1)...].drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
      headers.fields.append((name, ByteBuffer(bytes: value)))
    }
    return headers
  }
}

extension UnsafeRawBufferPointer {
  /// Where `pattern` starts first. Jumps from one occurrence of its first byte to the next.
  fileprivate func firstOffset(of pattern: [UInt8]) -> Int? {
    guard let base = baseAddress, let first = pattern.first else { return nil }
    var offset = 0
    while offset + pattern.count <= count {
      guard let hit = memchr(base + offset, Int32(first), count - pattern.count + 1 - offset) else { return nil }
      offset = UnsafeRawPointer(hit) - base
      if memcmp(hit, pattern, pattern.count) == 0 { return offset }
      offset += 1
    }
    return nil
  }
}

extension StringProtocol {
  fileprivate func trimmingSpaces() -> SubSequence {
    let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
    guard let first = firstIndex(where: { !isSpace($0) }), let last = lastIndex(where: { !isSpace($0) }) else {
      return self[endIndex...]
    }
    return self[first...last]
  }
}
