internal import CairnCatalog
internal import CairnCluster
internal import CairnModel
internal import CairnNodeClient
internal import Logging

extension RepairWorker {
  /// Makes all replicas that a volume lacks. Where a node can't take one, another one is asked at once.
  ///
  /// - Parameter preferred: nodes to take first.
  func complete(_ id: VolumeID, on preferred: [NodeID], _ claimed: ClaimedWork) async throws {
    var failed: Set<NodeID> = []
    var lastError: NodeError?
    while let volume = try await volumes.volume(id) {
      guard volume.nodes.contains(where: view.isActive) else { throw RepairError.noSource(id) }
      guard let (target, replaced) = nextReplica(of: volume, preferred, without: failed) else {
        guard volume.nodes.count >= min(volume.replicasWanted, view.nodeCount) else {
          throw lastError.map { RepairError.node($0) } ?? .noTarget(id)
        }
        return
      }
      do {
        try await replicate(volume, target, replaced, claimed)
      } catch let error as NodeError where error.node == target {
        logger.notice(
          "replica goes elsewhere", metadata: ["volume": "\(id)", "node": "\(target)", "error": "\(error)"])
        if case .unreachable(_, let reason) = error { view.suspect(target, because: reason) }
        failed.insert(target)
        lastError = error
      }
    }
  }

  /// Where the next replica goes, and whose place it takes; nil where there is none to make, or nowhere to make it.
  private func nextReplica(
    of volume: Volume, _ preferred: [NodeID], without failed: Set<NodeID>
  ) -> (target: NodeID, replaced: NodeID?)? {
    let nodes = view.nodeStatuses.map { node in
      failed.contains(node.report.node) ? NodeStatus(report: node.report, state: .silent(for: .zero)) : node
    }
    var random = SystemRandomNumberGenerator()
    let plan = RepairPlan(volumes: [volume], nodes: nodes, settings: RepairPlan.Settings(settings), using: &random)
    guard case .replicate(_, _, let target, let replaced)? = plan.tasks.first else { return nil }
    let free = Set(nodes.filter { $0.state == .active && !$0.report.readOnly }.map(\.report.node))
    return (preferred.first { free.contains($0) && !volume.nodes.contains($0) } ?? target, replaced)
  }
}
