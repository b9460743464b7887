/// The name of a blob, and the version of the object whose head record it is: 128 bits, ordered by time.
///
/// The upper 48 bits of ``high`` are milliseconds since 1970, the lower 16 count within a millisecond; ``low`` is
/// random. IDs of one ``BlobIDGenerator`` strictly increase, so that of two versions of a name the greater is newer.
package struct BlobID: Hashable, Sendable {
  package let high: UInt64
  package let low: UInt64

  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Milliseconds since 1970-01-01T00:00:00Z at which the id was made.
  package var millisecondsSinceEpoch: UInt64 { high >> 16 }

  /// When the id was made. An id has more bits for the time than ``Timestamp``: later times are its last one.
  package var createdAt: Timestamp { Timestamp(clampingMillisecondsSinceEpoch: millisecondsSinceEpoch) }
}

extension BlobID: Comparable {
  package static func < (left: BlobID, right: BlobID) -> Bool {
    (left.high, left.low) < (right.high, right.low)
  }
}

extension BlobID: CustomStringConvertible, LosslessStringConvertible {
  /// 32 lower-case hexadecimal digits.
  package var description: String {
    withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { hexadecimalString($0) }
  }

  /// Accepts exactly what ``description`` produces.
  package init?(_ description: some StringProtocol) {
    let digits = description.utf8
    guard digits.count == 32,
      let high = UInt64(hexadecimal: digits.prefix(16)),
      let low = UInt64(hexadecimal: digits.dropFirst(16))
    else { return nil }
    self.init(high: high, low: low)
  }
}
