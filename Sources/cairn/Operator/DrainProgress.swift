/// How far the emptying of a node is, from what was seen of it so far.
struct DrainProgress {
  private let began: ContinuousClock.Instant
  private let volumesAtFirst: Int

  init(volumes: Int, at now: ContinuousClock.Instant) {
    began = now
    volumesAtFirst = volumes
  }

  /// What keeps the node from becoming empty, and what to do about it; nil where nothing does.
  static func obstacle(nodesMissing: Int) -> String? {
    guard nodesMissing > 0 else { return nil }
    let (nodes, them) = nodesMissing == 1 ? ("node that takes", "one") : ("nodes that take", "them")
    return
      "it can't become empty: its volumes want \(nodesMissing) more \(nodes) data. Start \(them), or take the drain back with `cairn undrain`"
  }

  /// `7 volumes left, 2.0 a minute, done in about 3m 30s`; nil where none is left.
  func line(volumes: Int, at now: ContinuousClock.Instant) -> String? {
    guard volumes > 0 else { return nil }
    let left = volumes == 1 ? "1 volume left" : "\(volumes) volumes left"
    let seconds = (now - began) / .seconds(1)
    let moved = volumesAtFirst - volumes
    guard moved > 0, seconds > 0 else { return left }
    let perMinute = (Double(moved) / seconds * 600).rounded() / 10
    let estimate = UInt64((Double(volumes) * seconds / Double(moved)).rounded())
    return "\(left), \(perMinute) a minute, done in about \(Amounts.time(seconds: estimate))"
  }
}
