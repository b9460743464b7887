import CairnCatalog
import CairnCluster
import CairnHTTP
import CairnModel
import CairnNodeClient
import CairnRepair
import Foundation

/// What a process has that works on a cluster: the catalog in Redis, who is alive, and the way to the nodes.
struct ClusterParts: Sendable {
  let catalog: RedisCatalog
  let view: ClusterView
  let client: HTTPClient
  let directory: ClusterDirectory

  /// Begins to connect to Redis, and waits for nothing.
  ///
  /// - Parameters:
  ///   - keys: of the cluster; nil where it has no secret.
  ///   - timeouts: of requests to nodes.
  ///   - local: the storage node in the same process, if there is one.
  init(
    _ process: RoleProcess, redis: RedisConfiguration, membership: MembershipConfiguration, keys: ClusterKeys?,
    timeouts: HTTPClient.Timeouts, local: LocalNode? = nil
  ) throws(CatalogError) {
    catalog = try RedisCatalog(configuration: redis, eventLoopGroup: process.group, logger: process.logger)
    catalog.start()
    view = ClusterView(registry: catalog, timeout: membership.timeout, logger: process.logger)
    client = HTTPClient(group: process.group, timeouts: timeouts)
    directory = ClusterDirectory(local: local, view: view, client: client, tokens: keys?.nodeTokens)
  }

  /// - Parameter port: that this process listens on. The queue remembers each name of a worker: host and port are the
  ///   same after each restart.
  /// - Parameter judge: decides about head records that some replicas lack; nil where all are copied.
  func replicator(
    _ process: RoleProcess, port: Int, _ repair: RepairConfiguration, policy: PlacementPolicy,
    judge: HeadJudge? = nil
  ) -> Replicator {
    Replicator(
      name: "\(ProcessInfo.processInfo.hostName):\(port)", catalog: catalog, view: view, directory: directory,
      settings: RepairSettings(repair, policy: policy), judge: judge, logger: process.logger)
  }
}

extension RepairSettings {
  init(_ configuration: RepairConfiguration, policy: PlacementPolicy) {
    self.init(delay: configuration.delay, bandwidth: configuration.bandwidth, policy: policy)
  }
}
