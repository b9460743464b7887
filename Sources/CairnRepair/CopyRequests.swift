package import CairnCatalog
package import CairnCluster
package import CairnModel
package import Logging

/// Asks workers for the replicas that writes did not wait for, and knows what was asked.
package struct CopyRequests: Sendable {
  private static let interval: Duration = .milliseconds(200)
  /// The longest time between two tries while the catalog is away.
  private static let pauseMax: Duration = .seconds(5)
  /// Pieces of work that are looked through for those of a file.
  private static let workMax = 1000

  private let queue: any RepairQueue
  private let allocator: VolumeAllocator
  private let view: ClusterView
  private let settings: RepairSettings
  private let logger: Logger

  package init(
    queue: any RepairQueue, allocator: VolumeAllocator, view: ClusterView, settings: RepairSettings, logger: Logger
  ) {
    self.queue = queue
    self.allocator = allocator
    self.view = view
    self.settings = settings
    self.logger = logger
  }

  /// Works until it is cancelled; then asks for what is left. What is left after a crash, ``RepairPlanner`` finds.
  package func run() async {
    var pause = Self.interval
    while (try? await Task.sleep(for: pause)) != nil {
      await allocator.sealDueVolumes()
      pause = await request() ? Self.interval : min(pause * 2, Self.pauseMax)
    }
    await allocator.sealDueVolumes(isLast: true)
    _ = await request()
  }

  /// - Returns: false where the catalog did not take all of them.
  private func request() async -> Bool {
    var isDone = true
    for volume in allocator.takeVolumesToCopy() {
      do throws(CatalogError) {
        try await queue.enqueue(VolumeWork.complete(volume.id, on: targets(of: volume)).queued, isUrgent: true)
      } catch {
        logger.notice("copies not asked for", metadata: ["volume": "\(volume.id)", "error": "\(error)"])
        allocator.giveBack(volume)
        isDone = false
      }
    }
    return isDone
  }

  /// Nodes for the replicas that are missing, as far as there are some now.
  private func targets(of volume: Volume) -> [NodeID] {
    var random = SystemRandomNumberGenerator()
    let plan = RepairPlan(
      volumes: [volume], nodes: view.nodeStatuses, settings: RepairPlan.Settings(settings), using: &random)
    return plan.tasks.compactMap { task in
      if case .replicate(_, _, let target, _) = task { target } else { nil }
    }
  }

  /// The nodes on which replicas of volumes are going to be made, for each volume that work is queued for. A node that
  /// does not answer is not among them: if it is still away when its turn comes, another one is taken.
  package func planned(_ volumes: Set<VolumeID>) async throws(CatalogError) -> [VolumeID: Set<NodeID>] {
    var planned: [VolumeID: Set<NodeID>] = [:]
    for queued in try await queue.list(limit: Self.workMax) {
      guard let work = try? VolumeWork(queued.work), volumes.contains(work.volume), !work.targets.isEmpty else {
        continue
      }
      planned[work.volume, default: []].formUnion(work.targets.filter(view.isActive))
    }
    return planned
  }
}

extension RepairPlan.Settings {
  init(_ settings: RepairSettings) {
    self.init(repairDelay: settings.delay, policy: settings.policy, volumeSize: settings.volumeSize)
  }
}
