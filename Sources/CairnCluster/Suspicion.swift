/// What is to be thought of a node on which a request failed: it is avoided until one succeeds.
///
/// Its heartbeats reach the registry and prove nothing about the way from here to it. So it is probed, by nobody who has
/// a client waiting, and less and less often. Pure: the time comes in.
struct Suspicion {
  typealias Instant = ContinuousClock.Instant

  /// Before the first probe.
  static let firstDelay: Duration = .milliseconds(200)
  /// Between two probes that fail.
  static let probeDelayMax: Duration = .seconds(5)
  /// Before a node is probed that answers probes and fails requests: what each relapse costs is up to a client's time.
  static let relapseDelayMax: Duration = .seconds(60)
  /// A failure so soon after the last suspicion was cleared is a relapse.
  static let relapseTime: Duration = .seconds(60)

  /// Why requests are kept away; nil once one has succeeded.
  private(set) var reason: String?
  private(set) var raisedAt: Instant
  private var relapses = 0
  private var failedProbes = 0
  private var clearedAt: Instant?
  /// When to probe next; nil while a probe is under way.
  private var probeAt: Instant?

  init(because reason: String, at now: Instant) {
    self.reason = reason
    raisedAt = now
    probeAt = now + Self.firstDelay
  }

  var isRaised: Bool { reason != nil }

  /// A request failed.
  mutating func raise(because reason: String, at now: Instant) {
    guard !isRaised else { return }
    self.reason = reason
    raisedAt = now
    let isRelapse = clearedAt.map { now - $0 < Self.relapseTime } ?? false
    relapses = isRelapse ? min(relapses + 1, 16) : 0
    failedProbes = 0
    probeAt = now + min(Self.firstDelay * (1 << (2 * relapses)), Self.relapseDelayMax)
  }

  /// - Returns: whether the node is to be probed now. The outcome must be told.
  mutating func takeProbe(at now: Instant) -> Bool {
    guard isRaised, let due = probeAt, now >= due else { return false }
    probeAt = nil
    return true
  }

  mutating func probeFailed(because reason: String, at now: Instant) {
    guard isRaised else { return }
    self.reason = reason
    failedProbes = min(failedProbes + 1, 16)
    probeAt = now + min(Self.firstDelay * (1 << failedProbes), Self.probeDelayMax)
  }

  /// A request or a probe succeeded.
  mutating func clear(at now: Instant) {
    guard isRaised else { return }
    reason = nil
    clearedAt = now
    probeAt = nil
  }

  /// The node has a new process: what was held against the last one is no reason to wait.
  mutating func restarted(at now: Instant) {
    relapses = 0
    failedProbes = 0
    clearedAt = nil
    if isRaised { probeAt = now }
  }
}
