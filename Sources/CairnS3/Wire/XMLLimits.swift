internal import NIOCore

/// Looks through a document before a parser sees it: what costs a parser more than its bytes is refused.
///
/// A parser compares each attribute of an element with all others, keeps every open element, and expands entities. One
/// pass over the bytes finds all of that without understanding the document; whether it is well-formed is the parser's
/// business.
struct XMLLimits {
  /// Levels of elements; S3's documents have five at most.
  static let depthMax = 16
  /// All elements: 1,000 objects to delete and 10,000 parts with their checksums are the largest documents.
  static let elementsMax = 100_000
  /// Attributes of one element; S3's documents have two at most.
  static let attributesMax = 8
  /// Bytes between `<` and `>` of a tag: names, and URIs of name spaces.
  static let tagBytesMax = 4096

  private var rest: UnsafeRawBufferPointer
  private var depth = 0
  private var elements = 0

  /// Whether a document is within the limits.
  static func allow(_ document: ByteBuffer) -> Bool {
    document.withUnsafeReadableBytes { bytes in
      var limits = XMLLimits(rest: bytes)
      return limits.scan()
    }
  }

  private init(rest: UnsafeRawBufferPointer) {
    self.rest = rest
  }

  private mutating func scan() -> Bool {
    while skip(past: "<") {
      switch rest.first {
      case UInt8(ascii: "?")?: guard skip(past: "?>") else { return false }
      case UInt8(ascii: "!")?:
        if rest.starts(with: "!--".utf8) {
          drop(3)
          guard skip(past: "-->") else { return false }
        } else if rest.starts(with: "![CDATA[".utf8) {
          guard skip(past: "]]>") else { return false }
        } else {
          // What declares entities may be a thousand times as large as it looks.
          return false
        }
      case UInt8(ascii: "/")?:
        guard depth > 0, skip(past: ">") else { return false }
        depth -= 1
      case nil: return false
      default: guard scanTag() else { return false }
      }
    }
    return true
  }

  /// Reads a start tag behind its `<`. A `>` within quotes does not end it.
  private mutating func scanTag() -> Bool {
    elements += 1
    var attributes = 0
    var quote: UInt8?
    for (index, byte) in rest.prefix(Self.tagBytesMax).enumerated() {
      switch (byte, quote) {
      case (_, .some(let open)): if byte == open { quote = nil }
      case (UInt8(ascii: "\""), nil), (UInt8(ascii: "'"), nil): quote = byte
      case (UInt8(ascii: "="), nil): attributes += 1
      case (UInt8(ascii: "<"), nil): return false
      case (UInt8(ascii: ">"), nil):
        if index == 0 || rest[rest.startIndex + index - 1] != UInt8(ascii: "/") { depth += 1 }
        drop(index + 1)
        return attributes <= Self.attributesMax && depth <= Self.depthMax && elements <= Self.elementsMax
      default: break
      }
    }
    return false
  }

  /// Goes on behind the next `text`; false where there is none.
  private mutating func skip(past text: StaticString) -> Bool {
    text.withUTF8Buffer { text in
      guard let first = text.first else { return true }
      while let index = rest.firstIndex(of: first) {
        let isThere = rest[index...].starts(with: text)
        drop(index - rest.startIndex + (isThere ? text.count : 1))
        if isThere { return true }
      }
      return false
    }
  }

  private mutating func drop(_ count: Int) {
    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
  }
}
