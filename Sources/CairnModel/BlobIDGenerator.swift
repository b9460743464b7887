import Synchronization

/// Makes ``BlobID``s that strictly increase, also when the wall clock steps back.
///
/// A hybrid logical clock (Kulkarni et al., 2014): it follows the wall clock, and ``observe(_:)`` lifts it above ids
/// that others made, so that a write which must supersede a known version gets a greater id.
///
/// Within a generator the upper halves alone are unique; the lower halves keep generators apart. They come from a
/// generator of pseudo-random numbers (SplitMix64; Steele, Lea and Flood, 2014) with a random start, because asking the
/// system for each would cost a system call. Whoever knows one id can compute the others, so an id that must be hard to
/// guess comes from ``nextUnpredictable()``.
package final class BlobIDGenerator: Sendable {
  private struct State {
    var last: UInt64 = 0
    var seed: UInt64 = .random(in: .min ... .max)
  }

  private let state = Mutex(State())
  private let now: @Sendable () -> Timestamp

  /// - Parameter now: the wall clock.
  package init(now: @escaping @Sendable () -> Timestamp = { .now() }) {
    self.now = now
  }

  /// An id greater than each one that was made or observed before.
  package func next() -> BlobID {
    let tick = now().millisecondsSinceEpoch << 16
    let (high, seed) = state.withLock { state in
      state.last = max(state.last + 1, tick)
      state.seed &+= 0x9E37_79B9_7F4A_7C15
      return (state.last, state.seed)
    }
    var low = (seed ^ seed >> 30) &* 0xBF58_476D_1CE4_E5B9
    low = (low ^ low >> 27) &* 0x94D0_49BB_1331_11EB
    return BlobID(high: high, low: low ^ low >> 31)
  }

  /// As ``next()``, with random bits that nobody can compute from other ids: they come from the system's generator.
  package func nextUnpredictable() -> BlobID {
    BlobID(high: next().high, low: .random(in: .min ... .max))
  }

  /// Makes every later id greater than `id`.
  ///
  /// Ids from after the end of ``Timestamp`` were made by no clock. They are passed over: else a damaged record or
  /// catalog entry would leave no greater ids to make.
  package func observe(_ id: BlobID) {
    guard id.millisecondsSinceEpoch <= Timestamp.millisecondsMax else { return }
    state.withLock { $0.last = max($0.last, id.high) }
  }
}
