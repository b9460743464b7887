import CairnCatalog
import CairnCluster
import CairnHTTP
import CairnModel
import CairnNodeClient
import CairnObjects
import CairnRepair
import Logging
import NIOCore

/// `cairn coordinator`: takes client requests, with the catalog in Redis and the blobs on nodes.
struct CoordinatorRole {
  private let configuration: CoordinatorConfiguration
  private let process: RoleProcess

  init(_ configuration: CoordinatorConfiguration, _ process: RoleProcess) {
    self.configuration = configuration
    self.process = process
  }

  /// - Parameters:
  ///   - local: the storage node in the same process, if there is one.
  ///   - storagePath: of that node.
  func run(with local: LocalNode? = nil, storagePath: String? = nil) async throws {
    let deadline = TimeAmount(configuration.writeDeadline)
    let cluster = try ClusterParts(
      process, redis: configuration.redis, membership: configuration.membership, keys: configuration.keys,
      // On a crowded line a request to connect gets lost: the system repeats it after 1 s and after 3 s.
      timeouts: .init(connect: min(deadline, .seconds(4)), idle: deadline), local: local)
    try await cluster.catalog.refuseEvictions()
    let watch = CatalogWatch(
      catalog: cluster.catalog, patience: configuration.membership.timeout,
      copies: configuration.replication.goal(asked: nil, nodeCount: .max).minimum, logger: process.logger)
    let coordinator = CoordinatorParts(
      role: process, catalog: cluster.catalog, view: cluster.view, directory: cluster.directory,
      uploads: configuration.uploads, replication: configuration.replication,
      placement: configuration.placementPolicy, repair: configuration.repair, zone: configuration.zone,
      durability: "per node", access: configuration.access,
      seal: configuration.keys.map { SecretSeal($0.key(for: .accessKeySecrets)) }, storagePath: storagePath,
      ids: BlobIDGenerator(), barrier: WriteBarrier(), watch: watch)
    let recovery = CoordinatorRecovery(
      catalog: cluster.catalog, coordinator: coordinator, configuration: configuration, process: process)
    // Redis may be away when the coordinator starts: it serves, says so on /ready, and tries again.
    // S3 first: whoever finds the other port healthy finds S3 there as well.
    let s3 = try await coordinator.listenForS3(configuration.s3, configuration.process, process)
    let server = try await coordinator.listen(configuration.process, process)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await adoptVolumes(coordinator, cluster.catalog) }
      group.addTask { await cluster.client.onEventLoop { await coordinator.access.keepConfiguredKey() } }
      group.addTask { await cluster.view.run(probing: cluster.directory) }
      group.addTask { await watch.run(recovery) }
      // It reads manifests from nodes, which is only possible on an event loop of the client.
      group.addTask { await cluster.client.onEventLoop { await coordinator.objects.run() } }
      group.addTask { await coordinator.copies.run() }
      if configuration.repair.isEnabled {
        let replicator = cluster.replicator(
          process, port: server.port, configuration.repair, policy: configuration.placementPolicy,
          judge: HeadJudge(catalog: VerifiedCatalog(cluster.catalog, watch), ids: coordinator.ids))
        group.addTask { await replicator.run() }
      }
      // Replicators of their own know nothing of objects.
      group.addTask { await cluster.client.onEventLoop { await coordinator.orphans.run() } }
      await process.stopped()
      process.logger.info("stopping")
      async let stopped: Void? = s3?.stop(grace: configuration.process.shutdownGrace)
      await server.stop(grace: configuration.process.shutdownGrace)
      await stopped
      coordinator.access.hideLocalKey()
      group.cancelAll()
    }
    await cluster.catalog.close()
  }

  /// Takes over the volumes that an earlier run, or another coordinator, left open. A crash may have stopped a record on
  /// its way to their replicas: so these are compared, and a volume whose replicas differ is sealed.
  private func adoptVolumes(_ coordinator: CoordinatorParts, _ catalog: RedisCatalog) async {
    while !Task.isCancelled {
      do throws(CatalogError) {
        try await coordinator.allocator.adoptOpenVolumes()
        for volume in try await catalog.openVolumes() where volume.nodes.count > 1 {
          try await catalog.enqueue(VolumeWork.compare(volume.id).queued)
        }
        return
      } catch {
        try? await Task.sleep(for: .seconds(1))
      }
    }
  }
}
