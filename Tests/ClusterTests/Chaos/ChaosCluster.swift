import CairnTestSupport
import Foundation
import Synchronization
import Testing

/// Coordinators, four nodes, perhaps two replicators, and Redis, with what the nemesis does to them.
final class ChaosCluster: Sendable {
  struct Incomplete: Error, CustomStringConvertible {
    let description: String
  }

  static let nodeCount = 4

  let shape: ChaosShape
  let redis: RedisServer
  /// With `peers` the same processes as ``nodes``.
  let coordinators: [CairnProcess]
  let nodes: [CairnProcess]
  /// Where there are none, the coordinators do their work.
  let replicators: [CairnProcess]
  private let proxies: [CutProxy]
  private let network: ChaosNetwork?
  private let random: Mutex<SeededRandom>

  /// Every process once.
  var processes: [CairnProcess] { (shape == .peers ? [] : coordinators) + replicators + nodes }
  /// Coordinators that can be harmed without harming a node.
  var coordinatorCount: Int { shape == .peers ? 0 : coordinators.count }
  /// Machines that can be parted: Redis, the coordinators, the nodes, in this order.
  var machineCount: Int { network == nil ? 0 : 1 + coordinators.count + nodes.count }

  /// - Parameters:
  ///   - repairDelay: how long a node may be away before its replicas are made elsewhere, in seconds.
  ///   - replicatorCount: processes that repair; 0 for the coordinators.
  init(seed: UInt64, shape: ChaosShape, repairDelay: Int, replicatorCount: Int) async throws {
    var start = try await ChaosStart(
      shape: shape, seed: seed, repairDelay: repairDelay, hasReplicators: replicatorCount > 0)
    let coordinators = try await start.coordinators()
    nodes = try await start.nodes(Self.nodeCount)
    self.coordinators = shape == .peers ? nodes : coordinators
    var replicators: [CairnProcess] = []
    for _ in 0..<replicatorCount { replicators.append(try await start.replicator()) }
    self.replicators = replicators
    self.shape = shape
    redis = start.redis
    network = start.network
    proxies = start.proxies
    random = Mutex(SeededRandom(seed: seed ^ 0xB17))
    try await waitUntilActive()
  }

  /// The id of each node.
  func ids() async throws -> [String] {
    let answer = try await coordinators[0].curl()("/nodes")
    let active = try #require(answer.json["active_nodes"] as? [[String: Any]])
    return try nodes.map { node in
      try #require(active.first { $0["storage_dir"] as? String == node.storagePath }?["node_id"] as? String)
    }
  }

  /// Waits until every coordinator sees every node.
  private func waitUntilActive() async throws {
    for coordinator in coordinators {
      try await eventually("\(nodes.count) active nodes", within: .seconds(60)) {
        try await coordinator.curl()("/nodes").json["active_nodes_count"] as? Int == nodes.count
      }
      try await eventually("the coordinator is ready", within: .seconds(60)) {
        try await coordinator.curl()("/ready").status == 200
      }
    }
  }

  func begin(_ fault: Nemesis.Fault) async throws {
    switch fault {
    case .killNode(let node): try await nodes[node].kill()
    case .pauseNode(let node): nodes[node].signal(SIGSTOP)
    case .cutNode(let node): try await proxies[node].cut()
    case .silenceNode(let node): proxies[node].silence()
    case .slowNode(let node): proxies[node].slow(500_000)
    case .damageLine(let node): proxies[node].damage()
    case .part(let machine, let other): try await network?.part(machine, from: other)
    case .limitLine(let machine): try await network?.limit(machine, megabits: 8)
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
    case .killRedis: try await redis.kill()
    case .pauseRedis: redis.freeze()
    case .wipeRedis:
      try redis.command("FLUSHALL")
      try await redis.kill()
    case .fillRedis: try redis.command("CONFIG", "SET", "maxmemory", "1")
    case .evictFromRedis:
      try redis.command("CONFIG", "SET", "maxmemory-policy", "allkeys-random")
      try redis.command("CONFIG", "SET", "maxmemory", "\(try usedMemory() * 4 / 5)")
    case .startAlone(let coordinator):
      try await coordinators[coordinator].kill()
      try await redis.kill()
      try await coordinators[coordinator].restart()
    }
  }

  func end(_ fault: Nemesis.Fault) async throws {
    switch fault {
    case .killNode(let node): try await nodes[node].restart()
    case .pauseNode(let node): nodes[node].signal(SIGCONT)
    case .cutNode(let node), .silenceNode(let node), .slowNode(let node), .damageLine(let node):
      try await proxies[node].heal()
    case .part(let machine, let other): try await network?.join(machine, with: other)
    case .limitLine(let machine): try await network?.limit(machine, megabits: nil)
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
    case .killRedis, .wipeRedis, .startAlone: try await redis.restart()
    case .fillRedis: try redis.command("CONFIG", "SET", "maxmemory", "0")
    case .evictFromRedis:
      try redis.command("CONFIG", "SET", "maxmemory", "0")
      try redis.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
    case .pauseRedis: redis.thaw()
    }
  }

  /// Waits until every process does its work again.
  func waitUntilHealed() async throws {
    for proxy in proxies { try await proxy.heal() }
    try await waitUntilActive()
    // A coordinator looks every second whether Redis still knows what it knew.
    try await Task.sleep(for: .milliseconds(1500))
    try await waitUntilActive()
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
    let log = processes.map(\.log).joined()
    return ["record restored", "replica made", "surplus replica dropped", "repair failed"].map {
      message in
      "\(message) \(log.components(separatedBy: "\"message\":\"\(message)\"").count - 1)"
    }.joined(separator: ", ")
  }

  /// Lines of the logs at level error or above: none is expected.
  func loggedErrors() -> [String] {
    processes.flatMap { process in
      process.log.split(separator: "\n")
        .filter { $0.contains("\"level\":\"error\"") || $0.contains("\"level\":\"critical\"") || $0.contains("Fatal") }
        .map { "\(process.role) \(process.port): \($0.prefix(400))" }
    }
  }

  private func usedMemory() throws -> Int {
    let line = try redis.command("INFO", "memory").split(whereSeparator: \.isNewline)
      .first { $0.hasPrefix("used_memory:") }
    return try #require(line.flatMap { Int($0.dropFirst("used_memory:".count)) })
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
