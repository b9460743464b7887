import Synchronization

/// Makes ``BlobID``s that strictly increase, also when the wall clock steps back.
///
/// A hybrid logical clock (Kulkarni et al., 2014): it follows the wall clock, and ``observe(_:)`` lifts it above ids
/// that others made, so that a write which must supersede a known version gets a greater id.
package final class BlobIDGenerator: Sendable {
  private let last = Mutex<UInt64>(0)
  private let now: @Sendable () -> Timestamp

  /// - Parameter now: the wall clock.
  package init(now: @escaping @Sendable () -> Timestamp = { .now() }) {
    self.now = now
  }

  /// An id greater than each one that was made or observed before.
  package func next() -> BlobID {
    let tick = now().millisecondsSinceEpoch << 16
    let high = last.withLock { last in
      last = max(last + 1, tick)
      return last
    }
    return BlobID(high: high, low: .random(in: .min ... .max))
  }

  /// Makes every later id greater than `id`.
  package func observe(_ id: BlobID) {
    last.withLock { $0 = max($0, id.high) }
  }
}
