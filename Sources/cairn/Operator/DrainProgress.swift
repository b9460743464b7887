/// How far the emptying of a node is, from what was seen of it so far.
struct DrainProgress {
  private let began: ContinuousClock.Instant
  private let volumesAtFirst: Int

  init(volumes: Int, at now: ContinuousClock.Instant) {
    began = now
    volumesAtFirst = volumes
  }

  /// `7 volumes left, 2.0 a minute, done in about 3m 30s`.
  func line(volumes: Int, at now: ContinuousClock.Instant) -> String {
    let left = volumes == 1 ? "1 volume left" : "\(volumes) volumes left"
    let seconds = (now - began) / .seconds(1)
    let moved = volumesAtFirst - volumes
    guard moved > 0, seconds > 0 else { return left }
    let perMinute = (Double(moved) / seconds * 600).rounded() / 10
    let estimate = UInt64((Double(volumes) * seconds / Double(moved)).rounded())
    return "\(left), \(perMinute) a minute, done in about \(Amounts.time(seconds: estimate))"
  }
}
