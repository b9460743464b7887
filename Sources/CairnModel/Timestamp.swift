#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

/// A point in wall-clock time, to the nanosecond.
package struct Timestamp: Hashable, Sendable {
  package let nanosecondsSinceEpoch: UInt64

  package init(nanosecondsSinceEpoch: UInt64) {
    self.nanosecondsSinceEpoch = nanosecondsSinceEpoch
  }

  package init(millisecondsSinceEpoch: UInt64) {
    self.init(nanosecondsSinceEpoch: millisecondsSinceEpoch * 1_000_000)
  }

  package var millisecondsSinceEpoch: UInt64 { nanosecondsSinceEpoch / 1_000_000 }
  package var secondsSinceEpoch: UInt64 { nanosecondsSinceEpoch / 1_000_000_000 }

  /// The machine's wall clock. Only for what people see and for ordering ids; never for liveness.
  package static func now() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(nanosecondsSinceEpoch: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
  }
}

extension Timestamp: Comparable {
  package static func < (left: Timestamp, right: Timestamp) -> Bool {
    left.nanosecondsSinceEpoch < right.nanosecondsSinceEpoch
  }
}
