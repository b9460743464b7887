import CairnTestSupport
import Testing

/// Starts the processes of a run, each with the relay or on the machine that its shape gives it.
struct ChaosStart {
  let shape: ChaosShape
  let redis: RedisServer
  let network: ChaosNetwork?
  /// Of the nodes, between them and whoever asks them.
  private(set) var proxies: [CutProxy] = []
  private let seed: UInt64
  private let settings: [String: String]
  private var machinesUsed = 1

  init(shape: ChaosShape, seed: UInt64, repairDelay: Int, hasReplicators: Bool) async throws {
    self.shape = shape
    self.seed = seed
    var options = RedisServer.Options(appendOnly: true)
    var settings = [
      "NODE_HEARTBEAT_INTERVAL": "0.2", "NODE_TIMEOUT": "2", "NODE_WRITE_DEADLINE": "2", "REPLICATION_FACTOR": "2",
      "VOLUME_SIZE": "64M", "REPAIR_DELAY": "\(repairDelay)", "REPLICATOR": hasReplicators ? "off" : "on",
      "CLUSTER_SECRET": TestSecret.cluster,
    ]
    if shape == .namespaces {
      let network = try await ChaosNetwork(machines: 1 + 2 + ChaosCluster.nodeCount)
      options.port = try await network.openDoor(to: 0)
      options.launcher = network.launcher(of: 0)
      options.arguments = ["--bind", "0.0.0.0", "--protected-mode", "no"]
      settings["REDIS_HOST"] = network.address(of: 0)
      // Nobody else reaches these addresses.
      settings["ALLOW_ANONYMOUS"] = "1"
      self.network = network
    } else {
      settings["REDIS_HOST"] = "127.0.0.1"
      settings["ADVERTISE_HOST"] = CutProxy.host
      network = nil
    }
    if shape == .async { settings["REPLICATION_MODE"] = "async" }
    if shape == .peers { settings["PEERS"] = "1" }
    redis = try await RedisServer(options)
    settings["REDIS_PORT"] = "\(redis.port)"
    self.settings = settings
  }

  mutating func coordinators() async throws -> [CairnProcess] {
    guard shape != .peers else { return [] }
    return [try await start(.coordinator), try await start(.coordinator)]
  }

  mutating func nodes(_ count: Int) async throws -> [CairnProcess] {
    var nodes: [CairnProcess] = []
    for _ in 0..<count {
      guard shape == .peers else {
        let node = try await start(.node)
        if network == nil { proxies.append(try await CutProxy(port: node.port, seed: seed)) }
        nodes.append(node)
        continue
      }
      let port = try RedisServer.freePort()
      nodes.append(try await CairnProcess(.server, settings.merging(["NODE_PORT": "\(port)"]) { $1 }))
      proxies.append(try await CutProxy(port: port, seed: seed))
    }
    return nodes
  }

  /// One that shares the machine of Redis, where there are machines.
  mutating func replicator() async throws -> CairnProcess {
    try await CairnProcess(.replicator, settings, launcher: network?.launcher(of: 0) ?? [])
  }

  private mutating func start(_ role: CairnProcess.Role) async throws -> CairnProcess {
    guard let network else { return try await CairnProcess(role, settings) }
    let machine = machinesUsed
    machinesUsed += 1
    let port = try await network.openDoor(to: machine)
    let own = ["HOST": network.address(of: machine), "ADVERTISE_HOST": network.address(of: machine), "PORT": "\(port)"]
    return try await CairnProcess(
      role, settings.merging(own) { $1 }, launcher: network.launcher(of: machine))
  }
}
