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

  /// - Parameter local: the storage node in the same process, if there is one.
  func run(with local: LocalNode? = nil) async throws {
    let catalog = try RedisCatalog(
      configuration: configuration.redis, eventLoopGroup: process.group, logger: process.logger)
    catalog.start()
    let view = ClusterView(registry: catalog, timeout: configuration.membership.timeout, logger: process.logger)
    let deadline = TimeAmount(configuration.writeDeadline)
    let client = HTTPClient(
      group: process.group, timeouts: HTTPClient.Timeouts(connect: min(deadline, .seconds(2)), idle: deadline))
    let directory = ClusterDirectory(local: local, view: view, client: client, secret: configuration.secret)
    let watch = CatalogWatch(
      epochs: catalog, patience: configuration.membership.timeout, logger: process.logger)
    let coordinator = CoordinatorParts(
      role: process, catalog: catalog, view: view,
      directory: directory,
      uploads: configuration.uploads, replication: configuration.replication,
      placement: configuration.placementPolicy, repair: configuration.repair, zone: configuration.zone,
      durability: "per node", ids: BlobIDGenerator(), barrier: WriteBarrier(),
      reasonNotReady: { watch.reasonNotReady })
    let recovery = CoordinatorRecovery(
      catalog: catalog, coordinator: coordinator, configuration: configuration, process: process)
    // Redis may be away when the coordinator starts: it serves, says so on /ready, and tries again.
    let server = try await coordinator.listen(configuration.process, process)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await adoptVolumes(coordinator) }
      group.addTask { await view.run() }
      group.addTask { await watch.run(recovery) }
      // It reads manifests from nodes, which is only possible on an event loop of the client.
      group.addTask { await client.onEventLoop { await coordinator.objects.run() } }
      if configuration.repair.isEnabled {
        let replicator = Replicator(
          name: ReplicatorRole.workerName(port: server.port), catalog: catalog, view: view, directory: directory,
          settings: RepairSettings(configuration.repair, policy: configuration.placementPolicy), logger: process.logger)
        group.addTask { await replicator.run() }
        group.addTask { await client.onEventLoop { await coordinator.orphans.run() } }
      }
      await process.stopped()
      process.logger.info("stopping")
      await server.stop(grace: configuration.process.shutdownGrace)
      group.cancelAll()
    }
    await catalog.close()
  }

  private func adoptVolumes(_ coordinator: CoordinatorParts) async {
    while !Task.isCancelled {
      do throws(CatalogError) {
        return try await coordinator.allocator.adoptOpenVolumes()
      } catch {
        try? await Task.sleep(for: .seconds(1))
      }
    }
  }
}
