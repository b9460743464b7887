/// Bytes `offset ..< offset + length` of a body.
package struct ByteRange: Hashable, Sendable {
  package var offset: UInt64
  package var length: UInt64

  package init(offset: UInt64, length: UInt64) {
    self.offset = offset
    self.length = length
  }

  /// `bytes 0-4/11`, the value of `Content-Range`.
  package func contentRange(of size: UInt64) -> String {
    "bytes \(offset)-\(offset + length - 1)/\(size)"
  }
}

/// What a `Range` header asks for (RFC 9110, section 14).
package enum RequestedRange: Hashable, Sendable {
  /// There is no header, or one that must be ignored.
  case whole
  /// In the order of the header.
  case ranges([ByteRange])
  /// No range of the header lies within the body: 416.
  case unsatisfiable

  /// More ranges than this are answered with the whole body: nobody needs them, and they cost. So are ranges that
  /// together have more bytes than the body, which must overlap (RFC 9110, section 14.2).
  package static let countMax = 64

  /// - Parameters:
  ///   - header: the value of `Range`.
  ///   - size: bytes of the whole body.
  package init(header: String?, size: UInt64) {
    guard let header, let equals = header.firstIndex(of: "="),
      header[..<equals].lowercased().filter({ $0 != " " }) == "bytes"
    else {
      self = .whole
      return
    }
    let specs = header[header.index(after: equals)...].split(separator: ",", omittingEmptySubsequences: true)
    guard specs.count <= Self.countMax else {
      self = .whole
      return
    }
    var ranges: [ByteRange] = []
    var bytesLeft = size
    var isTooMuch = false
    for spec in specs {
      switch Self.parse(spec.filter { $0 != " " && $0 != "\t" }, size: size) {
      case nil:
        self = .whole
        return
      case .some(.some(let range)):
        isTooMuch = isTooMuch || range.length > bytesLeft
        if !isTooMuch { bytesLeft -= range.length }
        ranges.append(range)
      case .some(nil): continue
      }
    }
    if specs.isEmpty || isTooMuch {
      self = .whole
    } else if ranges.isEmpty {
      self = .unsatisfiable
    } else {
      self = .ranges(ranges)
    }
  }

  /// nil where `spec` is malformed, `.some(nil)` where it lies outside.
  private static func parse(_ spec: String, size: UInt64) -> ByteRange?? {
    guard let dash = spec.firstIndex(of: "-") else { return nil }
    let first = spec[..<dash]
    let last = spec[spec.index(after: dash)...]
    guard (first + last).utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
    if first.isEmpty {
      guard !last.isEmpty else { return nil }
      let count = min(UInt64(last) ?? .max, size)
      return count == 0 ? .some(nil) : ByteRange(offset: size - count, length: count)
    }
    let start = UInt64(first) ?? .max
    let end = last.isEmpty ? UInt64.max : UInt64(last) ?? .max
    guard start <= end else { return nil }
    guard start < size else { return .some(nil) }
    return ByteRange(offset: start, length: min(end, size - 1) - start + 1)
  }
}
