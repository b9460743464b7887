internal import Glibc
internal import NIOCore

/// Decides how long a listener waits after `accept` failed for want of descriptors or memory.
///
/// The connection that it could not take stays in the kernel's queue, so without a pause the next attempt would come at
/// once, and take a whole processor. Failures with little time between them are one episode.
struct AcceptPauseState {
  struct Failure: Equatable {
    var pause: TimeAmount
    /// The first of its episode: the one to log.
    var isFirst: Bool
  }

  private static let firstPause = TimeAmount.milliseconds(10)
  /// A descriptor that becomes free is used after this time at the latest.
  private static let longestPause = TimeAmount.seconds(1)
  /// Without a failure, after which an episode is over.
  static let quietTime = TimeAmount.seconds(10)

  /// In the current episode.
  private(set) var failures = 0
  private var pause = Self.firstPause

  /// Whether waiting helps: others may close something.
  static func isShortage(_ errorNumber: Int32) -> Bool {
    [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(errorNumber)
  }

  mutating func failed() -> Failure {
    failures += 1
    defer { pause = min(pause * 2, Self.longestPause) }
    return Failure(pause: pause, isFirst: failures == 1)
  }

  /// There was no failure for the quiet time.
  ///
  /// - Returns: how many there were in the episode that is over.
  mutating func endEpisode() -> Int {
    defer { self = AcceptPauseState() }
    return failures
  }
}
