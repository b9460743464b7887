#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A point in wall-clock time, to the nanosecond, from 1970 to July 2554.
package struct Timestamp: Hashable, Sendable {
  package let nanosecondsSinceEpoch: UInt64

  /// Milliseconds since 1970: the last ones whose nanoseconds fit 64 bits.
  package static let millisecondsMax = UInt64.max / 1_000_000

  package init(nanosecondsSinceEpoch: UInt64) {
    self.nanosecondsSinceEpoch = nanosecondsSinceEpoch
  }

  /// A time that somebody else tells: a request, a disk, Redis or another node.
  ///
  /// - Returns: nil after ``millisecondsMax``.
  package init?(millisecondsSinceEpoch milliseconds: UInt64) {
    guard milliseconds <= Self.millisecondsMax else { return nil }
    self.init(nanosecondsSinceEpoch: milliseconds * 1_000_000)
  }

  /// The same, with the last time that there is for all later ones.
  package init(clampingMillisecondsSinceEpoch milliseconds: UInt64) {
    self.init(nanosecondsSinceEpoch: min(milliseconds, Self.millisecondsMax) * 1_000_000)
  }

  package var millisecondsSinceEpoch: UInt64 { nanosecondsSinceEpoch / 1_000_000 }
  package var secondsSinceEpoch: UInt64 { nanosecondsSinceEpoch / 1_000_000_000 }

  /// The machine's wall clock. Only for what people see and for ordering ids; never for liveness.
  package static func now() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(
      nanosecondsSinceEpoch: UInt64(clamping: time.tv_sec) &* 1_000_000_000 &+ UInt64(clamping: time.tv_nsec))
  }
}

extension Timestamp: Comparable {
  package static func < (left: Timestamp, right: Timestamp) -> Bool {
    left.nanosecondsSinceEpoch < right.nanosecondsSinceEpoch
  }
}
