import CairnCatalog
import CairnCluster
import CairnHTTP
import CairnModel
import CairnNodeClient
import CairnObjects
import CairnRepair
import CairnStorage
import Logging

/// `cairn server`: coordinator, storage node and SQLite catalog in one process.
struct ServerRole {
  private let configuration: ServerConfiguration
  private let process: RoleProcess

  init(_ configuration: ServerConfiguration, _ process: RoleProcess) {
    self.configuration = configuration
    self.process = process
  }

  func run() async throws {
    let store = try await StorageParts.open(configuration.storage, process)
    let catalog: SQLiteCatalog
    do throws(CatalogError) {
      catalog = try await SQLiteCatalog.open(
        path: configuration.catalogPath, threadPool: process.threads, logger: process.logger)
    } catch {
      await store.close()
      throw error
    }
    do {
      try await serve(store, catalog)
    } catch {
      await catalog.close()
      await store.close()
      throw error
    }
    await catalog.close()
    await store.close()
  }

  private func serve(_ store: VolumeStore, _ catalog: SQLiteCatalog) async throws {
    let ids = BlobIDGenerator()
    let barrier = WriteBarrier()
    let node = LocalNode(store)
    try await CatalogReplay(log: node, catalog: catalog, node: node.id, ids: ids, logger: process.logger).run()
    let view = ClusterView(registry: catalog, timeout: configuration.membership.timeout, logger: process.logger)
    let directory = LocalDirectory(node)
    let coordinator = CoordinatorParts(
      role: process, catalog: catalog, view: view, directory: directory, uploads: configuration.uploads,
      replication: configuration.replication, placement: configuration.placementPolicy,
      repair: configuration.repair, durability: configuration.storage.durability.rawValue,
      access: configuration.access,
      seal: try .local(configuration.access.clusterKeys, storagePath: configuration.storage.path),
      storagePath: configuration.storage.path, ids: ids, barrier: barrier)
    var reporter = StorageParts.Reporter(
      store: store, configuration: configuration.storage, address: configuration.process.listen, zone: "default")
    try await heartbeat(of: reporter, catalog).beat()
    try await view.refresh()
    try await coordinator.allocator.adoptOpenVolumes()
    let marker = ReplayMarker(log: node, marks: catalog, barrier: barrier, logger: process.logger)
    if configuration.s3.listen != nil || configuration.access.isRequired {
      try await coordinator.access.makeFirstKey()
    }
    // S3 first: whoever finds the other port healthy finds S3 there as well.
    let s3 = try await coordinator.listenForS3(configuration.s3, configuration.process, process)
    let server = try await coordinator.listen(configuration.process, process)
    // The system has chosen one where the configuration says 0.
    reporter.address.port = server.port
    let heartbeat = heartbeat(of: reporter, catalog)
    // With one node it only scrubs and reports.
    let replicator = Replicator(
      name: "server", catalog: catalog, view: view, directory: directory,
      settings: RepairSettings(configuration.repair, policy: configuration.placementPolicy), logger: process.logger)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await store.run() }
      group.addTask { await view.run(probing: directory) }
      group.addTask { await coordinator.objects.run() }
      group.addTask { await marker.run() }
      group.addTask { await coordinator.access.keepConfiguredKey() }
      if configuration.repair.isEnabled {
        group.addTask { await coordinator.orphans.run() }
        group.addTask { await replicator.run() }
      }
      group.addTask { await heartbeat.runUntilCancelled() }
      await process.stopped()
      process.logger.info("stopping")
      async let stopped: Void? = s3?.stop(grace: configuration.process.shutdownGrace)
      await server.stop(grace: configuration.process.shutdownGrace)
      await stopped
      coordinator.access.hideLocalKey()
      group.cancelAll()
    }
    // Requests that were cut off may have written records that are still on their way into the catalog.
    await marker.finish()
  }

  private func heartbeat(of reporter: StorageParts.Reporter, _ catalog: SQLiteCatalog) -> Heartbeat {
    // The lock on the storage path already tells that no other process is this node.
    Heartbeat(
      registry: catalog, interval: configuration.membership.heartbeatInterval,
      timeout: configuration.membership.timeout, report: { reporter.report() }, isAlive: { _ in false },
      logger: process.logger)
  }
}
