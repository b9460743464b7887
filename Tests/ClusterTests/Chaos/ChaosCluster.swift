import CairnTestSupport
import Foundation
import Synchronization
import Testing

/// Two coordinators, four nodes, perhaps two replicators, and Redis, with what the nemesis does to them.
final class ChaosCluster: Sendable {
  struct Incomplete: Error, CustomStringConvertible {
    let description: String
  }

  let cluster: Cluster
  /// Where there are none, the coordinators do their work.
  let replicators: [CairnProcess]
  private let proxies: [CutProxy]
  private let random: Mutex<SeededRandom>

  var coordinators: [CairnProcess] { cluster.coordinators }
  var nodes: [CairnProcess] { cluster.nodes }

  /// - Parameters:
  ///   - repairDelay: how long a node may be away before its replicas are made elsewhere, in seconds.
  ///   - replicatorCount: processes that repair; 0 for the coordinators.
  init(seed: UInt64, repairDelay: Int, replicatorCount: Int) async throws {
    cluster = try await Cluster(
      coordinators: 2, nodes: 4,
      [
        "REPLICATION_FACTOR": "2", "ADVERTISE_HOST": CutProxy.host, "VOLUME_SIZE": "64M",
        "REPAIR_DELAY": "\(repairDelay)", "REPLICATOR": replicatorCount > 0 ? "off" : "on",
      ])
    var replicators: [CairnProcess] = []
    for _ in 0..<replicatorCount { replicators.append(try await CairnProcess(.replicator, cluster.settings)) }
    self.replicators = replicators
    var proxies: [CutProxy] = []
    for node in cluster.nodes { proxies.append(try await CutProxy(port: node.port)) }
    self.proxies = proxies
    random = Mutex(SeededRandom(seed: seed ^ 0xB17))
  }

  func begin(_ fault: Nemesis.Fault) async throws {
    switch fault {
    case .killNode(let node): try await nodes[node].kill()
    case .pauseNode(let node): nodes[node].signal(SIGSTOP)
    case .cutNode(let node): try await proxies[node].cut()
    case .silenceNode(let node): proxies[node].silence()
    case .flipBytes(let node): try flipBytes(of: nodes[node])
    case .fillNode(let node):
      try await nodes[node].kill()
      try await nodes[node].restart(["MIN_FREE_SPACE": "1000T"])
    case .wipeNode(let node):
      // Only a node that is not the last one with something may be lost.
      try await waitUntilComplete(within: .seconds(90))
      try await nodes[node].kill()
      try FileManager.default.removeItem(atPath: nodes[node].storagePath)
    case .killCoordinator(let coordinator): try await coordinators[coordinator].kill()
    case .pauseCoordinator(let coordinator): coordinators[coordinator].signal(SIGSTOP)
    case .killReplicator(let replicator): try await replicators[replicator].kill()
    case .pauseReplicator(let replicator): replicators[replicator].signal(SIGSTOP)
    case .killRedis: try await cluster.redis.kill()
    case .pauseRedis: cluster.redis.freeze()
    case .wipeRedis:
      try cluster.redis.command("FLUSHALL")
      try await cluster.redis.kill()
    }
  }

  func end(_ fault: Nemesis.Fault) async throws {
    switch fault {
    case .killNode(let node): try await nodes[node].restart()
    case .pauseNode(let node): nodes[node].signal(SIGCONT)
    case .cutNode(let node), .silenceNode(let node): try await proxies[node].heal()
    case .flipBytes: break
    case .fillNode(let node):
      try await nodes[node].kill()
      try await nodes[node].restart(["MIN_FREE_SPACE": "16M"])
    case .wipeNode(let node):
      try await nodes[node].restart()
      try await waitUntilComplete(within: .seconds(90))
    case .killCoordinator(let coordinator): try await coordinators[coordinator].restart()
    case .pauseCoordinator(let coordinator): coordinators[coordinator].signal(SIGCONT)
    case .killReplicator(let replicator): try await replicators[replicator].restart()
    case .pauseReplicator(let replicator): replicators[replicator].signal(SIGCONT)
    case .killRedis, .wipeRedis: try await cluster.redis.restart()
    case .pauseRedis: cluster.redis.thaw()
    }
  }

  /// Waits until every process does its work again.
  func waitUntilHealed() async throws {
    for proxy in proxies { try await proxy.heal() }
    try await cluster.waitUntilActive(nodes.count)
    // A coordinator looks every second whether Redis still knows what it knew.
    try await Task.sleep(for: .milliseconds(1500))
    for coordinator in coordinators {
      try await eventually("the coordinator is ready", within: .seconds(60)) {
        try await coordinator.curl()("/ready").status == 200
      }
    }
    for coordinator in coordinators {
      try await eventually("the coordinator takes data") {
        try await coordinator.curl().put("healed", "x").status < 300
      }
    }
  }

  /// Waits until each object has all its replicas, even while coordinators die.
  func waitUntilComplete(within limit: Duration) async throws {
    var left = ["nothing was asked"]
    do {
      try await eventually("all are complete", within: limit, every: .milliseconds(500)) {
        left = (try? await incompleteNames()) ?? left
        return left.isEmpty
      }
    } catch {
      throw Incomplete(description: "not all complete in \(limit), \(left.count) are not: \(left.prefix(5))")
    }
  }

  /// What `/status` says of the names that a coordinator lists, other than that each has all its replicas.
  func incompleteNames() async throws -> [String] {
    let port = (coordinators.first { !$0.hasEnded } ?? coordinators[0]).port
    return try await BlockingThreads.run {
      let client = try WireClient(port: port)
      var (incomplete, start) = ([String](), "")
      while true {
        let page = try client.request("GET", "/blobs?limit=1000&start_after=\(start.percentEncoded)")
        let json = (try? JSONSerialization.jsonObject(with: Data(page.body))) as? [String: Any]
        guard page.status == 200, let blobs = json?["blobs"] as? [[String: Any]] else {
          throw Incomplete(description: "no list: \(page.status)")
        }
        let names = blobs.compactMap { $0["name"] as? String }
        guard let last = names.last else { return incomplete }
        start = last
        for name in names {
          let answer = try client.request("GET", "/blob/\(name.percentEncoded)/status")
          let text = String(decoding: answer.body, as: UTF8.self)
          // It may have been deleted meanwhile.
          if answer.status == 404 || answer.status == 200 && text.contains("\"completed\"") { continue }
          incomplete.append("\(name): \(answer.status) \(text)")
        }
      }
    }
  }

  /// What the coordinators or replicators say that they have repaired.
  func repairs() -> String {
    let log = (coordinators + replicators).map(\.log).joined()
    return ["record restored", "replica made", "surplus replica dropped", "repair failed"].map {
      message in
      "\(message) \(log.components(separatedBy: "\"message\":\"\(message)\"").count - 1)"
    }.joined(separator: ", ")
  }

  /// Lines of the logs at level error or above: none is expected.
  func loggedErrors() -> [String] {
    (coordinators + replicators + nodes).flatMap { process in
      process.log.split(separator: "\n")
        .filter { $0.contains("\"level\":\"error\"") || $0.contains("\"level\":\"critical\"") || $0.contains("Fatal") }
        .map { "\(process.role) \(process.port): \($0.prefix(400))" }
    }
  }

  /// Flips a byte in up to eight places of a volume file.
  private func flipBytes(of node: CairnProcess) throws {
    let files = (FileManager.default.subpaths(atPath: node.storagePath) ?? []).filter { $0.hasSuffix(".log") }.sorted()
    try random.withLock { random in
      guard let file = files.randomElement(using: &random) else { return }
      let descriptor = open(node.storagePath + "/" + file, O_RDWR | O_CLOEXEC)
      // It may have been deleted meanwhile.
      guard descriptor >= 0 else { return }
      defer { close(descriptor) }
      let length = lseek(descriptor, 0, SEEK_END)
      guard length > 0 else { return }
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        let place = off_t.random(in: 0..<length, using: &random)
        var byte: UInt8 = 0
        try #require(pread(descriptor, &byte, 1, place) == 1)
        byte ^= UInt8.random(in: 1...255, using: &random)
        try #require(pwrite(descriptor, &byte, 1, place) == 1)
      }
    }
  }
}
