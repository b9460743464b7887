import CairnAPI
import CairnCatalog
import CairnCluster
import CairnHTTP
import CairnModel
import CairnRepair
import Foundation
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
    let catalog = try RedisCatalog(
      configuration: configuration.redis, eventLoopGroup: process.group, logger: process.logger)
    catalog.start()
    let view = ClusterView(registry: catalog, timeout: configuration.membership.timeout, logger: process.logger)
    let client = HTTPClient(group: process.group, timeouts: .init(connect: .seconds(2), idle: .seconds(30)))
    let directory = ClusterDirectory(view: view, client: client, secret: configuration.secret)
    let server = try await HTTPServer.start(
      on: configuration.process.listen, group: process.group, limits: configuration.process.limits,
      responder: HealthAPI(role: process.role, version: Cairn.version, registry: catalog),
      refusal: { HTTPResponse(APIError($0, $1)) }, logger: process.logger)
    process.logger.info(
      "listening",
      metadata: ["address": "\(ListenAddress(host: configuration.process.listen.host, port: server.port))"])
    let replicator = Replicator(
      name: Self.workerName(port: server.port), catalog: catalog, view: view, directory: directory,
      settings: RepairSettings(configuration.repair, policy: configuration.placementPolicy), logger: process.logger)
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await view.run() }
      group.addTask { await replicator.run() }
      await process.stopped()
      process.logger.info("stopping")
      await server.stop(grace: configuration.process.shutdownGrace)
      group.cancelAll()
    }
    await catalog.close()
  }

  /// The queue remembers each name that ever worked: the same one after each restart.
  static func workerName(port: Int) -> String { "\(ProcessInfo.processInfo.hostName):\(port)" }
}

extension RepairSettings {
  init(_ configuration: RepairConfiguration, policy: PlacementPolicy) {
    self.init(delay: configuration.delay, bandwidth: configuration.bandwidth, policy: policy)
  }
}
