import CairnTestSupport
import Foundation
import Testing

/// Redis, coordinators and nodes, with short times.
struct Cluster {
  let redis: RedisServer
  /// What all processes get.
  let settings: [String: String]
  var coordinators: [CairnProcess] = []
  var nodes: [CairnProcess] = []
  /// Which everybody must have; nil where nobody is asked for one.
  let key: PrintedKey?

  /// Starts everything, and waits until each coordinator sees every node.
  init(
    coordinators: Int = 1, nodes: Int = 3, redis options: RedisServer.Options = .init(appendOnly: true),
    _ changes: [String: String] = [:], key: PrintedKey? = nil
  ) async throws {
    self.key = key
    redis = try await RedisServer(options)
    settings = [
      "REDIS_HOST": "127.0.0.1", "REDIS_PORT": "\(redis.port)", "NODE_HEARTBEAT_INTERVAL": "0.2", "NODE_TIMEOUT": "2",
      "NODE_WRITE_DEADLINE": "2", "REPLICATION_FACTOR": "1",
    ].merging(changes) { $1 }.merging(key.map { $0.settings.merging(["AUTH": "required"]) { $1 } } ?? [:]) { $1 }
    for _ in 0..<coordinators { self.coordinators.append(try await CairnProcess(.coordinator, settings)) }
    for _ in 0..<nodes { self.nodes.append(try await CairnProcess(.node, settings)) }
    try await waitUntilActive(nodes)
  }

  /// Nodes without which uploads are refused, and coordinators say so.
  private var nodesNeeded: Int {
    guard settings["REPLICATION_MODE"] != "async" else { return 1 }
    let factor = settings["REPLICATION_FACTOR"].flatMap { Int($0) } ?? 3
    return settings["MIN_REPLICAS"].flatMap { Int($0) } ?? factor / 2 + 1
  }

  /// Waits until each coordinator sees just so many nodes, and is ready when these are enough.
  func waitUntilActive(_ count: Int) async throws {
    for coordinator in coordinators {
      try await eventually("\(count) active nodes") {
        try await coordinator.curl().run("/nodes", key.map { ["-H", $0.bearer] } ?? []).json["active_nodes_count"]
          as? Int == count
      }
      if count >= nodesNeeded { try await eventually("ready") { try await coordinator.curl()("/ready").status == 200 } }
    }
  }

  func curl(_ coordinator: Int = 0) throws -> Curl { try coordinators[coordinator].curl() }

  /// The processes whose storage path is at `ids`.
  func id(of node: CairnProcess) async throws -> String {
    try #require(try await node.curl()("/health").json["node_id"] as? String)
  }
}
