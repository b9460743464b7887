import CairnTestSupport
import Foundation
import Glibc
import Testing

extension ClusterSuite {
  /// The answer comes after the first copy; workers make the others.
  @Suite struct AsyncReplicationTests {
    private static let settings = [
      "REPLICATION_MODE": "async", "REPLICATION_FACTOR": "2", "NODE_TIMEOUT": "1", "NODE_WRITE_DEADLINE": "1",
    ]

    private struct Status: Equatable {
      var word: String
      var successful: Set<String>
      var failed: Set<String>
      var pending: Set<String>
      var missing: Int
    }

    private func status(of name: String, in cluster: Cluster) async throws -> Status {
      let json = try await cluster.curl()("/blob/\(name)/status").json
      func nodes(_ key: String) throws -> Set<String> { Set(try #require(json[key] as? [String], "\(json)")) }
      return Status(
        word: try #require(json["status"] as? String), successful: try nodes("successful_nodes"),
        failed: try nodes("failed_nodes"), pending: try nodes("pending_nodes"),
        missing: try #require(json["missing_replicas"] as? Int))
    }

    private func waitUntilComplete(_ name: String, in cluster: Cluster) async throws -> Status {
      try await eventually("\(name) is complete", within: .seconds(60)) {
        try await status(of: name, in: cluster).word == "completed"
      }
      return try await status(of: name, in: cluster)
    }

    /// - Returns: the id of the node that has it.
    private func put(_ name: String, _ content: Content, in cluster: Cluster) async throws -> String {
      let file = try TemporaryFolder("async")
      try Data(content.bytes).write(to: URL(filePath: file.path + "/up"))
      let answer = try await cluster.curl()("/blob/\(name)", "--upload-file", file.path + "/up")
      #expect(answer.status == 201)
      #expect(answer.metadata["upload_status"] as? String == "degraded")
      let nodes = try #require(answer.metadata["stored_nodes"] as? [String])
      #expect(nodes.count == 1)
      return try #require(nodes.first)
    }

    private func node(_ id: String, in cluster: Cluster) async throws -> CairnProcess {
      var found: CairnProcess?
      for node in cluster.nodes where try await cluster.id(of: node) == id { found = node }
      return try #require(found)
    }

    private func expect(_ content: Content, at name: String, in cluster: Cluster) async throws {
      let answer = try await cluster.curl()("/blob/\(name)")
      #expect(answer.status == 200)
      #expect(content.isSame(as: Array(answer.body)))
    }

    @Test func theOtherCopiesFollowByThemselves() async throws {
      let cluster = try await Cluster(nodes: 3, Self.settings.merging(["REPLICATION_FACTOR": "3"]) { $1 })
      #expect(try await cluster.curl()("/health").json["replication_mode"] as? String == "async")
      let (small, large) = (Content(offset: 3, count: 70_000), Content(offset: 9, count: 30 << 20))
      let holder = try await put("small", small, in: cluster)
      _ = try await put("large", large, in: cluster)
      for name in ["small", "large"] {
        let complete = try await waitUntilComplete(name, in: cluster)
        #expect(complete.successful.count == 3)
        #expect(complete.failed.isEmpty && complete.pending.isEmpty && complete.missing == 0)
      }
      // The copies are as good as the first one.
      try await node(holder, in: cluster).kill()
      try await expect(small, at: "small", in: cluster)
      try await expect(large, at: "large", in: cluster)
    }

    /// No worker is there at first, so that every step can be seen.
    @Test func theStatusTellsWhatIsStillToBeMade() async throws {
      var cluster = try await Cluster(nodes: 3, Self.settings.merging(["REPLICATOR": "off"]) { $1 })
      let content = Content(offset: 4, count: 100_000)
      let holder = try await put("file", content, in: cluster)
      // A large file is on several nodes, and each part of it lacks a copy.
      let large = Content(offset: 11, count: 30 << 20)
      _ = try await put("large", large, in: cluster)
      try await eventually("a node is chosen") { try await !status(of: "file", in: cluster).pending.isEmpty }
      let before = try await status(of: "file", in: cluster)
      #expect(before.word == "in_progress")
      #expect(before.successful == [holder])
      #expect(before.failed.isEmpty)
      #expect(before.pending.count == 1 && before.missing == 1)
      let volumes = try #require(try await cluster.curl()("/status").json["volumes"] as? [String: Any])
      #expect(volumes["healthy"] as? Int == 0)
      #expect(volumes["at_risk"] as? Int == volumes["total"] as? Int)
      #expect(try await status(of: "large", in: cluster).word == "in_progress")
      #expect(try await status(of: "large", in: cluster).missing == 1)
      // Whoever works needs no word about the mode.
      cluster.coordinators.append(
        try await CairnProcess(
          .coordinator, cluster.settings.merging(["REPLICATOR": "on", "REPLICATION_MODE": ""]) { $1 }))
      let after = try await waitUntilComplete("file", in: cluster)
      #expect(after.successful == before.successful.union(before.pending))
      #expect(after.pending.isEmpty && after.missing == 0)
      #expect(try await waitUntilComplete("large", in: cluster).missing == 0)
      try await node(holder, in: cluster).kill()
      try await expect(content, at: "file", in: cluster)
      try await expect(large, at: "large", in: cluster)
    }

    @Test(arguments: [true, false]) func copiesAreMadeWhenTheOnlyHolderIsBack(isKilled: Bool) async throws {
      let cluster = try await Cluster(nodes: 3, Self.settings)
      let content = Content(offset: 5, count: 300_000)
      let holder = try await put("file", content, in: cluster)
      let process = try await node(holder, in: cluster)
      // A volume takes records for a second before it is copied.
      if isKilled { try await process.kill() } else { process.signal(SIGSTOP) }
      try await cluster.waitUntilActive(2)
      let away = try await status(of: "file", in: cluster)
      #expect(away.word == "degraded" && away.missing == 1)
      #expect(away.successful.isEmpty && away.failed == [holder])
      try await eventually("a worker found no source", within: .seconds(30)) {
        cluster.coordinators[0].log.contains("repair failed")
      }
      if isKilled { try await process.restart(samePort: false) } else { process.signal(SIGCONT) }
      let complete = try await waitUntilComplete("file", in: cluster)
      #expect(complete.successful.count == 2 && complete.successful.contains(holder))
      try await process.kill()
      try await expect(content, at: "file", in: cluster)
    }

    /// The node that was chosen dies before its copy is made, and the registry doesn't know it yet.
    @Test func anotherNodeIsTakenForOneThatDied() async throws {
      var cluster = try await Cluster(
        nodes: 3, Self.settings.merging(["REPLICATOR": "off", "NODE_TIMEOUT": "60"]) { $1 })
      let content = Content(offset: 6, count: 100_000)
      let holder = try await put("file", content, in: cluster)
      try await eventually("a node is chosen") { try await !status(of: "file", in: cluster).pending.isEmpty }
      let chosen = try #require(try await status(of: "file", in: cluster).pending.first)
      let dead = try await node(chosen, in: cluster)
      try await dead.kill()
      cluster.coordinators.append(
        try await CairnProcess(.coordinator, cluster.settings.merging(["REPLICATOR": "on"]) { $1 }))
      let complete = try await waitUntilComplete("file", in: cluster)
      #expect(complete.successful.count == 2 && complete.successful.contains(holder))
      #expect(!complete.successful.contains(chosen))
      #expect(cluster.coordinators[1].log.contains("replica goes elsewhere"))
    }

    @Test func copiesAreAskedForWhenRedisIsBack() async throws {
      // Nodes that are silent because of Redis would not be asked.
      let cluster = try await Cluster(nodes: 3, Self.settings.merging(["NODE_TIMEOUT": "60"]) { $1 })
      let content = Content(offset: 8, count: 50_000)
      let holder = try await put("file", content, in: cluster)
      try await cluster.redis.kill()
      try await eventually("nobody can be asked", within: .seconds(30)) {
        cluster.coordinators[0].log.contains("copies not asked for")
      }
      try await cluster.redis.restart()
      try await cluster.waitUntilActive(3)
      let complete = try await waitUntilComplete("file", in: cluster)
      #expect(complete.successful.count == 2 && complete.successful.contains(holder))
      try await expect(content, at: "file", in: cluster)
    }

    /// What a coordinator wrote last before it died has nobody to seal it but the planner, half a minute later; what it wrote
    /// before it stopped in order is asked for as it stops.
    @Test func aCoordinatorThatStopsAsksForTheLastCopies() async throws {
      var cluster = try await Cluster(nodes: 2, Self.settings.merging(["REPLICATOR": "off"]) { $1 })
      let content = Content(offset: 7, count: 1000)
      _ = try await put("file", content, in: cluster)
      #expect(try await cluster.coordinators[0].stop() == 0)
      cluster.coordinators = [
        try await CairnProcess(.coordinator, cluster.settings.merging(["REPLICATOR": "on"]) { $1 })
      ]
      try await cluster.waitUntilActive(2)
      #expect(try await waitUntilComplete("file", in: cluster).successful.count == 2)
    }
  }
}
