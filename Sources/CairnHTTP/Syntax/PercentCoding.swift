/// Percent-encoding (RFC 3986, section 2.1).
package enum PercentCoding {
  /// The bytes that `text` stands for; nil where a `%` is not followed by two hexadecimal digits.
  package static func decode(_ text: Substring, plusIsSpace: Bool = false) -> [UInt8]? {
    guard plusIsSpace || text.utf8.contains(UInt8(ascii: "%")) else { return Array(text.utf8) }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    var rest = text.utf8.makeIterator()
    while let byte = rest.next() {
      switch byte {
      case UInt8(ascii: "%"):
        guard let high = rest.next().flatMap(digit), let low = rest.next().flatMap(digit) else { return nil }
        bytes.append(high << 4 | low)
      case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
      default: bytes.append(byte)
      }
    }
    return bytes
  }

  /// What bytes say in UTF-8; nil where they aren't. Looks for others than ASCII first, which keys seldom have: the way
  /// through any encoding costs ten times as much.
  package static func text(of bytes: [UInt8]) -> String? {
    guard bytes.contains(where: { $0 > 0x7F }) else { return String(decoding: bytes, as: UTF8.self) }
    return String(validating: bytes, as: UTF8.self)
  }

  /// Encodes all but the unreserved characters, and those of `alsoAllowed`.
  package static func encode(_ text: String, alsoAllowed: String = "") -> String {
    var encoded = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        encoded.unicodeScalars.append(Unicode.Scalar(byte))
      case _ where alsoAllowed.utf8.contains(byte):
        encoded.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        let digits = String(byte, radix: 16, uppercase: true)
        encoded += byte < 16 ? "%0\(digits)" : "%\(digits)"
      }
    }
    return encoded
  }

  /// The value of a hexadecimal digit of either case.
  static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}

/// The parameters of a query, `a=1&b=2`.
package struct QueryParameters: Hashable, Sendable {
  private var values: [String: String] = [:]

  /// Of a parameter that is given twice the first counts. nil where the query is malformed or not UTF-8.
  package init?(_ query: Substring) {
    guard !query.isEmpty else { return }
    for pair in query.split(separator: "&") {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = Self.text(parts[0]), let value = parts.count > 1 ? Self.text(parts[1]) : "" else { return nil }
      if values[name] == nil { values[name] = value }
    }
  }

  package subscript(name: String) -> String? { values[name] }

  package var isEmpty: Bool { values.isEmpty }

  private static func text(_ part: Substring) -> String? {
    PercentCoding.decode(part, plusIsSpace: true).flatMap(PercentCoding.text)
  }
}
