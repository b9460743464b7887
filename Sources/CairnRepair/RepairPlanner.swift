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
  /// seals it sooner while it lives (``CopySchedule``). Copies seal it, so not so often is better.
  private static let growthTime: Duration = .seconds(30)
  /// Comparing reads from disks, and nobody waits for it: none is added where so much work waits.
  private static let comparisonsMax = 4

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
    var findings = ReplicaFindings()
    var failure = RepeatedFailure()
    var round = 0
    while (try? await Task.sleep(for: settings.planInterval)) != nil {
      do {
        let planned = try await planRepairs()
        round += 1
        if round % Self.replicaLookEvery == 0 { try await lookAtReplicas(&surplus, &findings, isQuiet: planned == 0) }
        failure.end()
      } catch {
        if failure.isNews("\(error)") { logger.notice("repairs not planned", metadata: ["error": "\(error)"]) }
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
      for task in tasks.tasks { try await queue.enqueue(VolumeWork(task).queued, isUrgent: task.isGrowth) }
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

  private func lookAtReplicas(
    _ surplus: inout SurplusReplicas, _ findings: inout ReplicaFindings, isQuiet: Bool
  ) async throws {
    var replicas: ReplicaFindings.Replicas = [:]
    for node in view.activeNodes.map(\.report.node) {
      guard let summaries = try? await directory.node(node)?.volumes() else { continue }
      replicas[node] = Dictionary(summaries.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    }
    var known: [VolumeID: Volume] = [:]
    try await forEachPage { page in
      for volume in page { known[volume.id] = volume }
    }
    for replica in surplus.take(known, replicas, at: .now) {
      try await queue.enqueue(VolumeWork.drop(replica.volume, from: replica.node).queued)
    }
    for volume in findings.take(known, replicas) where try await queue.enqueue(VolumeWork.mend(volume).queued) {
      findings.noteMend(of: volume)
    }
    let queued = try await queue.count()
    for volume in findings.takeComparisons(limit: max(Self.comparisonsMax - queued, 0)) {
      try await queue.enqueue(VolumeWork.compare(volume).queued)
    }
    guard isQuiet, queued == 0 else { return }
    let sized = known.values.filter { $0.state == .sealed }.compactMap { volume in
      volume.nodes.compactMap { replicas[$0]?[volume.id]?.logBytes }.max().map {
        RebalancePlan.SizedVolume(volume: volume, size: $0)
      }
    }
    for task in RebalancePlan(volumes: sized, nodes: view.nodeStatuses, policy: settings.policy).tasks {
      try await queue.enqueue(VolumeWork(task).queued)
    }
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
