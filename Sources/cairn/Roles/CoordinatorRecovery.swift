import CairnCatalog
import CairnCluster
import CairnHTTP
import CairnModel
import CairnNodeClient
import CairnObjects
import Logging
import NIOCore

/// How a coordinator recovers a catalog that has lost data: from the nodes that it knew before.
struct CoordinatorRecovery: CatalogRecoverer {
  let catalog: RedisCatalog
  let coordinator: CoordinatorParts
  let configuration: CoordinatorConfiguration
  let process: RoleProcess

  func remember() -> CatalogMemory {
    CatalogMemory(
      nodes: coordinator.view.activeNodes.map(\.report), volumes: coordinator.allocator.rememberedVolumes)
  }

  func recover(_ memory: CatalogMemory, since: Timestamp?) async throws -> Set<NodeID> {
    // A stream of records may pause while a catalog takes them, so it gets more time than a client's request.
    let client = HTTPClient(group: process.group, timeouts: .init(connect: .seconds(2), idle: .seconds(60)))
    let tokens = configuration.keys?.nodeTokens
    let sources = memory.nodes.map { report in
      RemoteNode(id: report.node, address: ListenAddress(of: report), client: client, tokens: tokens)
    }
    var settings = ClusterRecovery.Settings()
    settings.replicationFactor = configuration.replication.factor
    settings.remembered = memory.volumes
    settings.since = since
    settings.isPartial = coordinator.view.inactiveNodes.contains { node in
      !memory.nodes.contains { $0.node == node.report.node }
    }
    settings.volumeCreationMax = configuration.writeDeadline
    let outcome = try await ClusterRecovery(
      sources: sources, catalog: catalog, settings: settings, ids: coordinator.ids, logger: process.logger
    ).run()
    // Volumes that were lost are open for this coordinator as well.
    try await coordinator.allocator.adoptOpenVolumes()
    return outcome.failedNodes.union(outcome.unreachable.keys)
  }

  func listVolumes() async throws -> [Volume] { try await Array(catalog.allVolumes().values) }

  var isSettled: Bool { !coordinator.view.hasVanishedNodes }

  func settle(_ volumes: [Volume], listedSince start: ContinuousClock.Instant) {
    coordinator.allocator.remember(volumes)
    coordinator.view.settle(members: volumes.reduce(into: []) { $0.formUnion($1.nodes) }, asOf: start)
  }
}
