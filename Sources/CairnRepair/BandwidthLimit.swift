internal import Synchronization

/// Lets so many bytes a second through, for all who ask together.
///
/// Each request books its time and sleeps until its turn, so that nobody overtakes and short bursts even out.
package final class BandwidthLimit: Sendable {
  // Not an actor: tasks of event loops and of the thread pool ask, and an actor hands a thread of the one to the other.
  private let free = Mutex(ContinuousClock.now)
  private let bytesPerSecond: UInt64

  /// - Parameter bytesPerSecond: 0 for no limit.
  package init(bytesPerSecond: UInt64) {
    self.bytesPerSecond = bytesPerSecond
  }

  /// Returns when `bytes` may go.
  ///
  /// - Throws: `CancellationError`.
  package func take(_ bytes: Int) async throws {
    guard bytesPerSecond > 0 else { return }
    let now = ContinuousClock.now
    let turn = free.withLock { free in
      let turn = max(free, now)
      free = turn + .seconds(Double(bytes) / Double(bytesPerSecond))
      return turn
    }
    guard turn > now else { return }
    try await Task.sleep(until: turn, clock: .continuous)
  }
}
