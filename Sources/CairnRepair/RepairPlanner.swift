package import CairnCatalog
package import CairnCluster
internal import CairnModel
internal import CairnNodeClient
package import Logging

/// Looks at the whole cluster now and then, and puts what is to be done into the queue.
///
/// Several planners may run at once: of the same work the queue keeps one.
package struct RepairPlanner: Sendable {
  private static let pageLength = 1000
  /// Looks at the nodes' replicas, for surplus and damaged ones and to even out the fill, take more time: one in so many.
  private static let replicaLookEvery = 6
  /// So long a volume that takes writes and has fewer replicas than wanted is left to the coordinator that made it, which
  /// seals it sooner while it lives (`REPLICATION_MODE=async`). Copies seal it, so not so often is better.
  private static let growthTime: Duration = .seconds(60)

  private let queue: any RepairQueue
  private let volumes: any VolumeCatalog
  private let view: ClusterView
  private let directory: any NodeDirectory
  private let settings: RepairSettings
  private let logger: Logger

  package init(
    queue: any RepairQueue, volumes: any VolumeCatalog, view: ClusterView, directory: any NodeDirectory,
    settings: RepairSettings, logger: Logger
  ) {
    self.queue = queue
    self.volumes = volumes
    self.view = view
    self.directory = directory
    self.settings = settings
    self.logger = logger
  }

  /// Plans again and again until it is cancelled.
  package func run() async {
    var surplus = SurplusReplicas(grace: settings.delay)
    var round = 0
    while (try? await Task.sleep(for: settings.planInterval)) != nil {
      do {
        let planned = try await planRepairs()
        round += 1
        if round % Self.replicaLookEvery == 0 { try await lookAtReplicas(&surplus, isQuiet: planned == 0) }
      } catch {
        logger.notice("repairs not planned", metadata: ["error": "\(error)"])
      }
    }
  }

  /// Asks for every replica to be read and verified.
  ///
  /// - Returns: how many replicas are to be read.
  package func scrubAll() async throws -> Int {
    var count = 0
    try await forEachPage { page in
      for volume in page {
        for node in volume.nodes where try await queue.enqueue(VolumeWork.scrub(volume.id, on: node).queued) {
          count += 1
        }
      }
    }
    return count
  }

  /// - Returns: how much there is to do.
  private func planRepairs() async throws -> Int {
    var nodes = view.nodeStatuses
    let plan = RepairPlan.Settings(settings)
    var random = SystemRandomNumberGenerator()
    var planned = 0
    try await forEachPage { page in
      let tasks = RepairPlan(volumes: page.filter { !isGrowing($0) }, nodes: nodes, settings: plan, using: &random)
      nodes = tasks.nodes
      planned += tasks.tasks.count
      for task in tasks.tasks { try await queue.enqueue(VolumeWork(task).queued) }
    }
    return planned
  }

  private func isGrowing(_ volume: Volume) -> Bool {
    guard volume.state == .open, volume.nodes.count < volume.replicasWanted, volume.nodes.allSatisfy(view.isActive)
    else { return false }
    let age = Timestamp.now().millisecondsSinceEpoch.subtractingReportingOverflow(
      volume.id.createdAt.millisecondsSinceEpoch)
    return !age.overflow && Duration.milliseconds(Int64(clamping: age.partialValue)) < Self.growthTime
  }

  private func lookAtReplicas(_ surplus: inout SurplusReplicas, isQuiet: Bool) async throws {
    var replicas: [NodeID: [ReplicaSummary]] = [:]
    for node in view.activeNodes.map(\.report.node) {
      replicas[node] = try? await directory.node(node)?.volumes()
    }
    var sized: [RebalancePlan.SizedVolume] = []
    var known: [VolumeID: Volume] = [:]
    try await forEachPage { page in
      for volume in page { known[volume.id] = volume }
    }
    for (node, summaries) in replicas {
      for replica in summaries {
        guard let volume = known[replica.id] else { continue }
        if !volume.nodes.contains(node) {
          if surplus.isDue(replica.id, node) { try await queue.enqueue(VolumeWork.drop(replica.id, from: node).queued) }
        } else if replica.damagedCount > 0 || differs(replica, from: replicas, volume) {
          try await queue.enqueue(VolumeWork.mend(replica.id, on: node).queued)
        }
      }
    }
    guard isQuiet, try await queue.count() == 0 else { return }
    for volume in known.values where volume.state == .sealed {
      let size = volume.nodes.lazy.compactMap { node in replicas[node]?.first { $0.id == volume.id }?.logBytes }.max()
      if let size { sized.append(RebalancePlan.SizedVolume(volume: volume, size: size)) }
    }
    for task in RebalancePlan(volumes: sized, nodes: view.nodeStatuses, policy: settings.policy).tasks {
      try await queue.enqueue(VolumeWork(task).queued)
    }
  }

  /// A sealed replica with fewer live records than another one may lack some.
  private func differs(_ replica: ReplicaSummary, from replicas: [NodeID: [ReplicaSummary]], _ volume: Volume) -> Bool {
    guard volume.state == .sealed else { return false }
    let counts = volume.nodes.compactMap { node in replicas[node]?.first { $0.id == volume.id }?.blobCount }
    return counts.contains { $0 > replica.blobCount }
  }

  private func forEachPage(_ body: ([Volume]) async throws -> Void) async throws {
    var last: VolumeID?
    while true {
      let page = try await volumes.volumes(after: last, limit: Self.pageLength)
      try await body(page)
      guard page.count == Self.pageLength, let end = page.last?.id else { return }
      last = end
    }
  }
}

/// Replicas that no volume's list names, and since when they were seen: a node that comes back may still be needed.
private struct SurplusReplicas {
  private struct Replica: Hashable {
    var volume: VolumeID
    var node: NodeID
  }

  let grace: Duration
  private var seen: [Replica: ContinuousClock.Instant] = [:]

  init(grace: Duration) {
    self.grace = grace
  }

  mutating func isDue(_ volume: VolumeID, _ node: NodeID) -> Bool {
    let replica = Replica(volume: volume, node: node)
    let now = ContinuousClock.now
    guard let since = seen[replica] else {
      seen[replica] = now
      return false
    }
    guard now - since >= grace else { return false }
    seen[replica] = nil
    return true
  }
}
