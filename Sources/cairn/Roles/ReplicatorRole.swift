import CairnAPI
import CairnCatalog
import CairnCluster
import CairnHTTP
import CairnRepair
import Logging
import NIOCore

/// `cairn replicator`: nothing but repair, with the catalog in Redis.
struct ReplicatorRole {
  private let configuration: ReplicatorConfiguration
  private let process: RoleProcess

  init(_ configuration: ReplicatorConfiguration, _ process: RoleProcess) {
    self.configuration = configuration
    self.process = process
  }

  func run() async throws {
    let cluster = try ClusterParts(
      process, redis: configuration.redis, membership: configuration.membership, keys: configuration.keys,
      timeouts: .init(connect: .seconds(2), idle: .seconds(30)))
    try await cluster.catalog.refuseEvictions()
    let server = try await HTTPServer.start(
      on: configuration.process.listen, group: process.group, limits: configuration.process.limits,
      connections: process.clientConnections,
      responder: HealthAPI(role: process.role, version: Cairn.version, registry: cluster.catalog),
      refusal: { HTTPResponse(APIError($0, $1)) }, logger: process.logger)
    process.logger.info(
      "listening",
      metadata: ["address": "\(ListenAddress(host: configuration.process.listen.host, port: server.port))"])
    let replicator = cluster.replicator(
      process, port: server.port, configuration.repair, policy: configuration.placementPolicy)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await cluster.view.run(probing: cluster.directory) }
      group.addTask { await replicator.run() }
      await process.stopped()
      process.logger.info("stopping")
      await server.stop(grace: configuration.process.shutdownGrace)
      group.cancelAll()
    }
    await cluster.catalog.close()
  }
}
