package import CairnModel

/// A node as the planning of repairs and moves sees it.
package struct NodeStatus: Hashable, Sendable {
  package enum State: Hashable, Sendable {
    case active
    /// No heartbeat for so long, or found unreachable. A draining node that falls silent is given as silent.
    case silent(for: Duration)
    /// Active, but to be emptied: it is read from, and gets nothing new.
    case draining
  }

  /// What the node said of itself last.
  package var report: NodeReport
  package var state: State

  package init(report: NodeReport, state: State) {
    self.report = report
    self.state = state
  }
}
