internal import CairnHTTP
#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// When a request was signed, as it says.
package struct SigningTime: Hashable, Sendable {
  package let secondsSinceEpoch: Int
  /// `YYYYMMDDTHHMMSSZ`, as it stands in a string to sign.
  package let text: String

  /// - Parameter text: `YYYYMMDDTHHMMSSZ`, or what HTTP allows in a `Date`; nil for anything else.
  package init?(_ text: String) {
    if let seconds = Self.parseBasic(text) {
      self.init(secondsSinceEpoch: seconds, text: text)
    } else if let seconds = HTTPDate.parse(text) {
      self.init(secondsSinceEpoch: seconds)
    } else {
      return nil
    }
  }

  private init(secondsSinceEpoch: Int, text: String) {
    self.secondsSinceEpoch = secondsSinceEpoch
    self.text = text
  }

  package init(secondsSinceEpoch seconds: Int) {
    secondsSinceEpoch = seconds
    let extended = HTTPDate.iso8601(secondsSinceEpoch: seconds)
    // `1994-11-06T08:49:37.000Z` without what stands between the digits.
    text = String(extended.prefix(19).filter { $0 != "-" && $0 != ":" }) + "Z"
  }

  /// `YYYYMMDD`.
  package var date: Substring { Substring(text.utf8.prefix(8)) }

  private static func parseBasic(_ text: String) -> Int? {
    let bytes = Array(text.utf8)
    guard bytes.count == 16, bytes[8] == UInt8(ascii: "T"), bytes[15] == UInt8(ascii: "Z") else { return nil }
    func number(_ range: Range<Int>) -> Int32? {
      var value: Int32 = 0
      for byte in bytes[range] {
        guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
        value = value * 10 + Int32(byte - UInt8(ascii: "0"))
      }
      return value
    }
    guard let year = number(0..<4), let month = number(4..<6), let day = number(6..<8), let hour = number(9..<11),
      let minute = number(11..<13), let second = number(13..<15), year >= 1970, (1...12).contains(month),
      (1...31).contains(day), hour < 24, minute < 60, second <= 60
    else { return nil }
    var parts = tm()
    (parts.tm_year, parts.tm_mon, parts.tm_mday) = (year - 1900, month - 1, day)
    (parts.tm_hour, parts.tm_min, parts.tm_sec) = (hour, minute, second)
    return timegm(&parts)
  }
}
