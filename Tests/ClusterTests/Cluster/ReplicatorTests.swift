import CairnTestSupport
import Foundation
import Testing

extension ClusterSuite {
  /// Repair by processes that do nothing else, and what becomes of it when its process ends.
  @Suite struct ReplicatorTests {
    private static let settings = [
      "REPLICATION_FACTOR": "2", "REPAIR_DELAY": "1", "NODE_TIMEOUT": "1", "NODE_WRITE_DEADLINE": "1",
    ]

    private func cluster(coordinators: Int = 1, nodes: Int = 3, _ changes: [String: String]) async throws -> Cluster {
      try await Cluster(coordinators: coordinators, nodes: nodes, Self.settings.merging(changes) { $1 })
    }

    /// One of two is killed while it copies: the other one does the rest, and what the first one had begun.
    @Test func aKilledReplicatorsWorkIsDoneByTheOther() async throws {
      let cluster = try await cluster(["REPLICATOR": "off", "REPAIR_BANDWIDTH": "2M"])
      let stored = try await cluster.upload(24, of: 1 << 20)
      let dead = try await cluster.fullestNode(stored).node
      try await dead.kill()
      try await cluster.waitUntilActive(2)
      let replicators = [
        try await CairnProcess(.replicator, cluster.settings), try await CairnProcess(.replicator, cluster.settings),
      ]
      let busy = try await eventually("a replicator copies") {
        try await cluster.runningRepairs().first.flatMap { port in replicators.first { $0.port == port } }
      }
      try await busy.kill()
      try await cluster.waitUntilComplete(stored)
      #expect(replicators.contains { $0 !== busy && $0.log.contains("replica made") })
      let log = cluster.coordinators[0].log
      let hasRepaired = log.contains("replica made") || log.contains("\"message\":\"repair")
      #expect(!hasRepaired, "it leaves them to the replicators: \(log)")
      try await cluster.nodes.first { $0 !== dead }?.kill()
      try await cluster.expectAll(stored)
    }

    /// A lower bound only: a slow machine takes longer.
    @Test func copiesTakeNoMoreThanTheirBandwidth() async throws {
      let bandwidth = 1 << 20
      let cluster = try await cluster(["REPAIR_BANDWIDTH": "\(bandwidth)"])
      let stored = try await cluster.upload(16, of: 1 << 20)
      let (node, lost) = try await cluster.fullestNode(stored)
      let start = ContinuousClock.now
      try await node.kill()
      try await cluster.waitUntilActive(2)
      try await cluster.waitUntilComplete(stored)
      let taken = ContinuousClock.now - start
      #expect(taken >= .seconds(0.8 * Double(lost) / Double(bandwidth)), "\(lost) bytes in \(taken)")
    }

    /// A new node joins full ones, and is filled without a command. Each node has a disk of its own.
    @Test(.enabled(if: ServerSuite.FullDiskTests.canMount, "needs the right to mount"))
    func aNewNodeIsFilledAsFarAsTheOthers() async throws {
      var cluster = try await cluster(
        nodes: 0, ["REPLICATION_FACTOR": "1", "VOLUME_SIZE": "32M", "REPAIR_BANDWIDTH": "1G"])
      for _ in 0..<2 { cluster.nodes.append(try await nodeOnItsOwnDisk(cluster.settings)) }
      try await cluster.waitUntilActive(2)
      let stored = try await cluster.upload(48, of: 8 << 20)
      cluster.nodes.append(try await nodeOnItsOwnDisk(cluster.settings))
      try await cluster.waitUntilActive(3)
      let empty = try await cluster.id(of: cluster.nodes[2])
      try await eventually("the fill is even", within: .seconds(60)) {
        let fills = try await fills(cluster)
        guard let most = fills.values.max(), let least = fills.values.min() else { return false }
        return fills[empty] ?? 0 > 0.05 && most - least <= 0.05
      }
      try await cluster.expectAll(stored)
    }

    private func fills(_ cluster: Cluster) async throws -> [String: Double] {
      let nodes = try await cluster.curl()("/status").json["nodes"] as? [[String: Any]] ?? []
      let pairs = nodes.compactMap { node in
        (node["node_id"] as? String).flatMap { id in (node["fill"] as? Double).map { (id, $0) } }
      }
      return Dictionary(pairs, uniquingKeysWith: max)
    }

    private func nodeOnItsOwnDisk(_ settings: [String: String]) async throws -> CairnProcess {
      let folder = try TemporaryFolder("disk")
      let data = folder.path + "/data"
      try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
      return try await CairnProcess(
        .node, settings, folder: folder,
        launcher: [
          "unshare", "--mount", "sh", "-c", "mount -t tmpfs -o size=800m none '\(data)' && exec \"$0\" \"$@\"",
        ])
    }

    /// The coordinator that copies is told to stop while a client uploads to it: the upload ends well, the process in
    /// order, and the copies are made by the other one.
    @Test func aCoordinatorStopsInOrderWhileItRepairs() async throws {
      let cluster = try await cluster(coordinators: 2, ["REPAIR_BANDWIDTH": "2M"])
      let stored = try await cluster.upload(16, of: 1 << 20)
      try await cluster.fullestNode(stored).node.kill()
      try await cluster.waitUntilActive(2)
      let busy = try await eventually("a coordinator copies") {
        try await cluster.runningRepairs().first.flatMap { port in
          cluster.coordinators.firstIndex { $0.port == port }
        }
      }
      let coordinator = cluster.coordinators[busy]
      let port = coordinator.port
      let content = Content(offset: 5, count: 20_000_000)
      let upload = try await BlockingThreads.run {
        let connection = try WireClient(port: port)
        try connection.send(
          Array("PUT /blob/late HTTP/1.1\r\nHost: x\r\nContent-Length: \(content.count)\r\n\r\n".utf8)[...])
        try connection.send(content.bytes.prefix(10_000_000))
        return UncheckedConnection(connection)
      }
      coordinator.signal(SIGTERM)
      try await eventually("it stops") { coordinator.log.contains("\"stopping\"") }
      let answer = try await BlockingThreads.run {
        try upload.connection.send(content.bytes.dropFirst(10_000_000))
        return try upload.connection.readAnswer()
      }
      #expect(answer.status == 201)
      #expect(try await coordinator.waitUntilEnded() == 0, "\(coordinator.log.suffix(2000))")
      let other = 1 - busy
      try await cluster.waitUntilComplete(stored + [("late", content)], from: other)
      #expect(cluster.coordinators[other].log.contains("replica made"))
      try await cluster.expectAll(stored + [("late", content)], from: other)
    }

    /// One thread after the other has it.
    private struct UncheckedConnection: @unchecked Sendable {
      let connection: WireClient

      init(_ connection: WireClient) {
        self.connection = connection
      }
    }
  }
}
