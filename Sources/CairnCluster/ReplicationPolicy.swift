/// When an upload is answered (`REPLICATION_MODE`).
package enum ReplicationMode: String, CaseIterable, Sendable {
  /// When all of its replicas are durable.
  case sync
  /// When the first one is; the others are made in the background.
  case async
}

/// How many copies of everything an operator wants, and with how few a write is still accepted.
package struct ReplicationPolicy: Hashable, Sendable {
  /// What a single write is to get.
  package struct Goal: Hashable, Sendable {
    /// Replicas that the write is to get before its answer, as far as there are nodes that take one now.
    package var wanted: Int
    /// Replicas without which the write is refused.
    package var minimum: Int
  }

  /// The most replicas that an upload may ask for.
  package static let replicasMax = 16

  /// `REPLICATION_FACTOR`.
  package let factor: Int
  /// What a write needs that asks for no number itself: `MIN_REPLICAS`, never more than the factor, or its majority.
  package var minimum: Int { minimum(of: factor) }
  /// `REPLICATION_MODE`.
  package let mode: ReplicationMode
  /// `MIN_REPLICAS`, where the operator has set it.
  private let minimumSet: Int?

  /// - Parameter minimum: nil for a majority, so that one node of three may be away; without effect where the mode is
  ///   `async`.
  package init(factor: Int, minimum: Int? = nil, mode: ReplicationMode = .sync) {
    self.factor = max(factor, 1)
    self.mode = mode
    minimumSet = minimum.map { min(max($0, 1), max(factor, 1)) }
  }

  /// - Parameters:
  ///   - asked: what the upload asks for itself, nil for the factor.
  ///   - nodeCount: nodes that the cluster has, alive or not: more replicas than that can't be had.
  package func goal(asked: Int?, nodeCount: Int) -> Goal {
    guard mode == .sync else { return Goal(wanted: 1, minimum: 1) }
    let wanted = max(min(asked ?? factor, nodeCount), 1)
    return Goal(wanted: wanted, minimum: min(minimum(of: asked ?? factor), wanted))
  }

  private func minimum(of copies: Int) -> Int {
    guard let minimumSet else { return copies / 2 + 1 }
    // An operator who forbids fewer copies than usual forbids fewer than were asked for, too.
    return minimumSet < factor ? minimumSet : copies
  }
}
