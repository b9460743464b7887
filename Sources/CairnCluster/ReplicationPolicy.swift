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
  /// `MIN_REPLICAS`; never more than the factor.
  package let minimum: Int
  /// `REPLICATION_MODE`.
  package let mode: ReplicationMode

  /// - Parameter minimum: nil for as many as the factor; without effect where the mode is `async`.
  package init(factor: Int, minimum: Int? = nil, mode: ReplicationMode = .sync) {
    self.factor = max(factor, 1)
    self.mode = mode
    self.minimum = min(max(minimum ?? factor, 1), self.factor)
  }

  /// - Parameters:
  ///   - asked: what the upload asks for itself, nil for the factor.
  ///   - nodeCount: nodes that the cluster has, alive or not: more replicas than that can't be had.
  package func goal(asked: Int?, nodeCount: Int) -> Goal {
    guard mode == .sync else { return Goal(wanted: 1, minimum: 1) }
    let wanted = max(min(asked ?? factor, nodeCount), 1)
    // Whoever asks for more copies than usual means it; a lowered minimum is for everybody.
    let minimum = minimum < factor ? min(minimum, wanted) : wanted
    return Goal(wanted: wanted, minimum: minimum)
  }
}
