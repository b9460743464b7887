internal import Glibc

/// Dates as HTTP writes them (RFC 9110, section 5.6.7).
package enum HTTPDate {
  private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

  /// What can be written with a year of four digits: seconds since 1970 up to the end of 9999.
  private static let secondsRange = 0...253_402_300_799

  private static func clamped(_ seconds: Int) -> Int {
    min(max(seconds, secondsRange.lowerBound), secondsRange.upperBound)
  }

  package static func secondsNow() -> Int {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME_COARSE, &now)
    return now.tv_sec
  }

  /// `Sun, 06 Nov 1994 08:49:37 GMT`; the nearest time that can be written for one before 1970 or after 9999.
  package static func format(secondsSinceEpoch seconds: Int) -> String {
    var seconds = clamped(seconds)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    let year = parts.tm_year + 1900
    // Byte by byte: it stands in every answer, and interpolation costs a microsecond.
    return String(unsafeUninitializedCapacity: 29) { text in
      var end = 0
      func write(_ piece: some Collection<UInt8>) {
        for byte in piece {
          text[end] = byte
          end += 1
        }
      }
      func write(number: Int32) {
        text[end] = UInt8(ascii: "0") + UInt8(number / 10 % 10)
        text[end + 1] = UInt8(ascii: "0") + UInt8(number % 10)
        end += 2
      }
      write(days[Int(parts.tm_wday)].utf8)
      write(", ".utf8)
      write(number: parts.tm_mday)
      write(" ".utf8)
      write(months[Int(parts.tm_mon)].utf8)
      write(" ".utf8)
      write(number: year / 100)
      write(number: year % 100)
      write(" ".utf8)
      write(number: parts.tm_hour)
      write(":".utf8)
      write(number: parts.tm_min)
      write(":".utf8)
      write(number: parts.tm_sec)
      write(" GMT".utf8)
      return end
    }
  }

  /// `1994-11-06T08:49:37.123Z`, as JSON answers have it (RFC 3339).
  package static func iso8601(nanosecondsSinceEpoch nanoseconds: UInt64) -> String {
    iso8601(
      secondsSinceEpoch: Int(clamping: nanoseconds / 1_000_000_000),
      milliseconds: Int(truncatingIfNeeded: nanoseconds / 1_000_000 % 1000))
  }

  /// The same for whole seconds; the nearest time that can be written for one before 1970 or after 9999.
  package static func iso8601(secondsSinceEpoch seconds: Int) -> String {
    iso8601(secondsSinceEpoch: seconds, milliseconds: 0)
  }

  private static func iso8601(secondsSinceEpoch seconds: Int, milliseconds: Int) -> String {
    var seconds = clamped(seconds)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    let year = parts.tm_year + 1900
    return String(unsafeUninitializedCapacity: 24) { text in
      var end = 0
      func write(_ number: Int32, then separator: StaticString) {
        text[end] = UInt8(ascii: "0") + UInt8(number / 10 % 10)
        text[end + 1] = UInt8(ascii: "0") + UInt8(number % 10)
        end += 2
        guard separator.utf8CodeUnitCount > 0 else { return }
        text[end] = separator.utf8Start.pointee
        end += 1
      }
      write(year / 100, then: "")
      write(year % 100, then: "-")
      write(parts.tm_mon + 1, then: "-")
      write(parts.tm_mday, then: "T")
      write(parts.tm_hour, then: ":")
      write(parts.tm_min, then: ":")
      write(parts.tm_sec, then: ".")
      text[end] = UInt8(ascii: "0") + UInt8(milliseconds / 100)
      end += 1
      write(Int32(milliseconds % 100), then: "Z")
      return end
    }
  }

  /// Reads each of the three forms that a recipient must accept; nil for anything else.
  package static func parse(_ text: String) -> Int? {
    let words = text.split(whereSeparator: { $0 == " " || $0 == "," || $0 == "-" })
    let day: Substring
    let month: Substring
    var year: Int
    let time: Substring
    if words.count == 6, words[5] == "GMT" {
      // Sun, 06 Nov 1994 08:49:37 GMT, or Sunday, 06-Nov-94 08:49:37 GMT
      (day, month, time) = (words[1], words[2], words[4])
      guard let number = Int(words[3]) else { return nil }
      // A two-digit year is the nearest one that is not more than 50 years ahead.
      year = words[3].count == 2 ? (number < 77 ? 2000 + number : 1900 + number) : number
    } else if words.count == 5 {
      // Sun Nov  6 08:49:37 1994
      (month, day, time) = (words[1], words[2], words[3])
      guard let number = Int(words[4]) else { return nil }
      year = number
    } else {
      return nil
    }
    let clock = time.split(separator: ":").map { Int($0) }
    guard clock.count == 3, let hour = clock[0], let minute = clock[1], let second = clock[2], let day = Int(day),
      let month = months.firstIndex(where: { $0 == month }), (1...31).contains(day), (0...23).contains(hour),
      (0...59).contains(minute), (0...60).contains(second), (1900...9999).contains(year)
    else { return nil }
    var parts = tm()
    (parts.tm_year, parts.tm_mon, parts.tm_mday) = (Int32(year - 1900), Int32(month), Int32(day))
    (parts.tm_hour, parts.tm_min, parts.tm_sec) = (Int32(hour), Int32(minute), Int32(second))
    return timegm(&parts)
  }
}
