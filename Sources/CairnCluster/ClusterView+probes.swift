internal import CairnCatalog
package import CairnModel
internal import CairnNodeClient
internal import Logging
internal import Synchronization

/// How nodes come under suspicion, and out of it again.
extension ClusterView {
  /// How often is looked whether a probe is due.
  private static let probeTick: Duration = .milliseconds(100)

  /// A request found the node unreachable: nothing is sent there until a probe has reached it.
  package func suspect(_ node: NodeID, because reason: String) {
    let isNew = state.withLock { $0.suspect(node, because: reason, at: clock.now) }
    if isNew {
      noteSuspects()
      logger.warning("node suspected", metadata: ["node": "\(node)", "reason": "\(reason)"])
    }
  }

  /// A request or a probe has reached the node.
  package func reached(_ node: NodeID) {
    // Each read says so, and there is seldom somebody to clear.
    guard suspectCount.load(ordering: .relaxed) > 0 else { return }
    guard state.withLock({ $0.clear(node, at: clock.now) }) else { return }
    noteSuspects()
    logger.info("node reached again", metadata: ["node": "\(node)"])
  }

  /// Why nothing is sent to a node although it may be alive; nil where nothing is held against it.
  package func suspicion(of node: NodeID) -> String? {
    state.withLock { $0.entries[node]?.suspicion?.reason }
  }

  /// Probes suspected nodes again and again, until it is cancelled.
  func probeSuspects(in directory: any NodeDirectory) async {
    await withDiscardingTaskGroup { group in
      while (try? await Task.sleep(for: Self.probeTick)) != nil {
        guard suspectCount.load(ordering: .relaxed) > 0 else { continue }
        for node in takeProbes(at: clock.now) {
          group.addTask { await self.probe(node, directory) }
        }
      }
    }
  }

  /// The suspected nodes whose heartbeats are young and that are to be probed at `now`.
  func takeProbes(at now: ContinuousClock.Instant) -> [NodeID] {
    state.withLock { $0.takeProbes(at: now) }
  }

  private func probe(_ id: NodeID, _ directory: any NodeDirectory) async {
    do throws(NodeError) {
      guard let node = directory.node(id) else { throw .unreachable(id, "its address is not known") }
      try await node.probe()
      reached(id)
    } catch {
      probeFailed(id, because: "\(error)", at: clock.now)
    }
  }

  func probeFailed(_ node: NodeID, because reason: String, at now: ContinuousClock.Instant) {
    state.withLock { $0.probeFailed(node, because: reason, at: now) }
  }

  /// Remembers how many nodes are suspected, for those that can't wait for the lock.
  func noteSuspects() {
    suspectCount.store(state.withLock { $0.suspectCount }, ordering: .relaxed)
  }
}
