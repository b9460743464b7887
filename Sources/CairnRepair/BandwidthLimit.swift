/// Lets so many bytes a second through, for all who ask together.
///
/// Each request books its time and sleeps until its turn, so that nobody overtakes and short bursts even out.
package actor BandwidthLimit {
  private let bytesPerSecond: UInt64
  private var free = ContinuousClock.now

  /// - Parameter bytesPerSecond: 0 for no limit.
  package init(bytesPerSecond: UInt64) {
    self.bytesPerSecond = bytesPerSecond
  }

  /// Returns when `bytes` may go.
  package func take(_ bytes: Int) async throws {
    guard bytesPerSecond > 0 else { return }
    let now = ContinuousClock.now
    let turn = max(free, now)
    free = turn + .seconds(Double(bytes) / Double(bytesPerSecond))
    guard turn > now else { return }
    try await Task.sleep(until: turn, clock: .continuous)
  }
}
