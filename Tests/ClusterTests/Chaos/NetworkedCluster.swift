import CairnTestSupport
import Synchronization
import Testing

/// Redis, a coordinator and three nodes, each on a machine of its own.
struct NetworkedCluster {
  static let coordinatorMachine = 1
  static let nodeMachines = 2...4
  private static let clients = 8

  let network: ChaosNetwork
  let redis: RedisServer
  let coordinator: CairnProcess
  let nodes: [CairnProcess]

  init(_ changes: [String: String] = [:]) async throws {
    let network = try await ChaosNetwork(machines: Self.nodeMachines.upperBound + 1)
    var options = RedisServer.Options(appendOnly: true)
    options.port = try await network.openDoor(to: 0)
    options.launcher = network.launcher(of: 0)
    options.arguments = ["--bind", "0.0.0.0", "--protected-mode", "no"]
    let redis = try await RedisServer(options)
    let settings = [
      "REDIS_HOST": network.address(of: 0), "REDIS_PORT": "\(redis.port)", "CLUSTER_SECRET": TestSecret.cluster,
      // Nobody else reaches these addresses.
      "ALLOW_ANONYMOUS": "1", "NODE_HEARTBEAT_INTERVAL": "0.2", "NODE_TIMEOUT": "2",
    ].merging(changes) { $1 }
    @Sendable func start(_ role: CairnProcess.Role, on machine: Int) async throws -> CairnProcess {
      let address = network.address(of: machine)
      let own = ["HOST": address, "ADVERTISE_HOST": address, "PORT": "\(try await network.openDoor(to: machine))"]
      return try await CairnProcess(role, settings.merging(own) { $1 }, launcher: network.launcher(of: machine))
    }
    coordinator = try await start(.coordinator, on: Self.coordinatorMachine)
    var started: [CairnProcess] = []
    for machine in Self.nodeMachines { started.append(try await start(.node, on: machine)) }
    (self.network, self.redis, nodes) = (network, redis, started)
    try await waitUntilActive(nodes.count)
  }

  func waitUntilActive(_ count: Int) async throws {
    try await eventually("\(count) active nodes, and the coordinator is ready", within: .seconds(60)) {
      let curl = try coordinator.curl()
      guard try await curl("/nodes").json["active_nodes_count"] as? Int == count else { return false }
      return try await curl("/ready").status == 200
    }
  }

  /// Measures the rate of small uploads from several clients at once. Each of them must succeed.
  func writesPerSecond(for length: Duration) async throws -> Double {
    let port = coordinator.port
    let clock = ContinuousClock()
    let start = clock.now
    let count = try await withThrowingTaskGroup(of: Int.self) { group in
      for client in 0..<Self.clients {
        group.addTask {
          try await BlockingThreads.run {
            let connection = try WireClient(port: port, patience: 60)
            var count = 0
            while clock.now - start < length {
              let answer = try connection.request("PUT", "/blob/\(client)-\(count % 100)", body: [1, 2, 3])
              try #require(answer.status < 300, "\(String(decoding: answer.body, as: UTF8.self))")
              count += 1
            }
            return count
          }
        }
      }
      return try await group.reduce(0, +)
    }
    let (seconds, attoseconds) = (clock.now - start).components
    return Double(count) / (Double(seconds) + Double(attoseconds) / 1e18)
  }
}
