internal import CairnModel

extension PlannedMoves {
  /// A node that gives and takes: how full it is, in bytes.
  private struct Disk {
    let node: NodeID
    let used: Double
    let capacity: Double

    var fill: Double { used / capacity }

    init?(_ report: NodeReport) {
      guard report.capacity > 0 else { return nil }
      node = report.node
      used = Double(report.capacity - min(report.available, report.capacity))
      capacity = Double(report.capacity)
    }
  }

  private struct Move {
    let index: Int
    let source: NodeID
    let target: NodeID
  }

  /// Moves volumes from the fullest to the emptiest nodes until no two differ by more than `difference`, or no volume
  /// fits any more.
  ///
  /// It ends, as each move makes two nodes more alike and never swaps them: the sum of capacity × fill² falls.
  mutating func evenFill(within difference: Double) {
    while let move = nextMove(within: difference) {
      self.move(move.index, from: move.source, to: move.target)
    }
  }

  private func nextMove(within difference: Double) -> Move? {
    let disks = active.values.compactMap(Disk.init).sorted { ($0.fill, $0.node) < ($1.fill, $1.node) }
    let mean = disks.reduce(0) { $0 + $1.used } / max(1, disks.reduce(0) { $0 + $1.capacity })
    // A node that stays on its side of the mean gives or takes only what it has to, and never both. Only where volumes
    // are too large for that may the mean be crossed.
    return nextMove(disks, within: difference, notAcross: mean) ?? nextMove(disks, within: difference, notAcross: nil)
  }

  private func nextMove(_ disks: [Disk], within difference: Double, notAcross mean: Double?) -> Move? {
    for source in disks.reversed() {
      for target in disks {
        let gap = source.fill - target.fill
        guard gap > difference else { break }
        // The bytes that change the gap by 1.
        let scale = 1 / (1 / source.capacity + 1 / target.capacity)
        var most = gap * scale
        if let mean {
          most = min(most, (source.fill - mean) * source.capacity, (mean - target.fill) * target.capacity)
        }
        let enough = (gap - difference) * scale
        if let index = volume(on: source.node, for: target.node, atMost: most, enough: enough) {
          return Move(index: index, source: source.node, target: target.node)
        }
      }
    }
    return nil
  }

  /// The smallest volume that is enough, else the largest one below that.
  private func volume(on source: NodeID, for target: NodeID, atMost most: Double, enough: Double) -> Int? {
    guard let held = held[source], most >= 1 else { return nil }
    let start = firstPlace(on: source) { Double(volumes[$0].size) >= enough }
    for index in held[start...] {
      if Double(volumes[index].size) > most { break }
      if volumes[index].size > 0, allows(index, from: source, to: target) { return index }
    }
    for index in held[..<start].reversed() where Double(volumes[index].size) <= most {
      if volumes[index].size > 0, allows(index, from: source, to: target) { return index }
    }
    return nil
  }
}
