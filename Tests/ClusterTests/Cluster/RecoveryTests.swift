import CairnTestSupport
import Foundation
import Testing

extension ClusterSuite {
  /// Redis loses everything, or the last part of it; the nodes' disks know all of it.
  @Suite struct RecoveryTests {
    /// What is in the cluster, and what is not any more.
    private struct Contents {
      var files: [String: Content] = [:]
      var deleted: [String] = []
    }

    private func cluster(_ changes: [String: String] = [:]) async throws -> Cluster {
      try await Cluster(coordinators: 2, ["REPLICATION_FACTOR": "2"].merging(changes) { $1 })
    }

    private func put(_ name: String, _ content: Content, _ curl: Curl) async throws {
      let folder = try TemporaryFolder("recovery")
      try Data(content.bytes).write(to: URL(filePath: folder.path + "/up"))
      let answer = try await curl("/blob/\(name)", "--upload-file", folder.path + "/up")
      #expect(answer.status == 201 || answer.status == 200, "\(name): \(answer.text)")
    }

    /// New files, a large one, overwritten ones and deleted ones.
    private func fill(_ curl: Curl, _ prefix: String, into contents: inout Contents) async throws {
      for index in 0..<12 {
        let name = "\(prefix)\(index)"
        try await put(name, Content(offset: index, count: 100 + index * 1000), curl)
        contents.files[name] = Content(offset: index, count: 100 + index * 1000)
      }
      contents.files["\(prefix)large"] = Content(offset: 3, count: 20 << 20)
      try await put("\(prefix)large", Content(offset: 3, count: 20 << 20), curl)
      for index in 0..<3 {
        contents.files["\(prefix)\(index)"] = Content(offset: 100 + index, count: 500)
        try await put("\(prefix)\(index)", Content(offset: 100 + index, count: 500), curl)
      }
      for index in 9..<12 {
        #expect(try await curl("/blob/\(prefix)\(index)", "-X", "DELETE").status == 204)
        contents.files["\(prefix)\(index)"] = nil
        contents.deleted.append("\(prefix)\(index)")
      }
    }

    private func expect(
      _ contents: Contents, _ curl: Curl, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
      for (name, content) in contents.files {
        let answer = try await curl("/blob/\(name)")
        let isSame = content.isSame(as: Array(answer.body))
        #expect(answer.status == 200 && isSame, "\(name): \(answer.status)", sourceLocation: sourceLocation)
      }
      for name in contents.deleted {
        #expect(try await curl("/blob/\(name)").status == 404, "\(name)", sourceLocation: sourceLocation)
      }
      #expect(try await curl.names() == contents.files.keys.sorted(), sourceLocation: sourceLocation)
    }

    @Test func anEmptiedRedisIsRecoveredByCommand() async throws {
      let cluster = try await cluster(["CLUSTER_SECRET": TestSecret.cluster])
      var contents = Contents()
      try await fill(cluster.curl(), "a", into: &contents)
      for coordinator in cluster.coordinators { try await coordinator.stopInOrder() }
      #expect(try cluster.redis.command("FLUSHALL") == "+OK")

      let lost = try await CairnProcess.run(["recover", "--verify"], cluster.settings)
      #expect(lost.exitCode == 1 && lost.output.contains("not in the catalog"), "\(lost.output)")
      let first = try await CairnProcess.run(["recover"], cluster.settings)
      #expect(first.exitCode == 0, "\(first.output)")
      #expect(first.output.contains("recovered from 3 nodes"), "\(first.output)")
      for coordinator in cluster.coordinators { try await coordinator.restart() }
      try await eventually("ready") { try await cluster.curl(1)("/ready").status == 200 }
      try await expect(contents, cluster.curl(1))
      // Again: nothing is left to do.
      let second = try await CairnProcess.run(["recover", "--json"], cluster.settings)
      #expect(second.exitCode == 0, "\(second.output)")
      #expect(second.output.contains("\"objects_restored\":0"), "\(second.output)")
      #expect(second.output.contains("\"volumes_added\":0"), "\(second.output)")
      let verified = try await CairnProcess.run(["recover", "--verify"], cluster.settings)
      #expect(verified.exitCode == 0 && verified.output.contains(" 0 differences"), "\(verified.output)")
      try await fill(cluster.curl(), "b", into: &contents)
      try await expect(contents, cluster.curl(1))
    }

    @Test func nodesThatAreAwayAreNotPassedOverQuietly() async throws {
      let cluster = try await cluster()
      var contents = Contents()
      try await fill(cluster.curl(), "a", into: &contents)
      let away = try await cluster.id(of: cluster.nodes[2])
      try await cluster.nodes[2].stopInOrder()
      let refused = try await CairnProcess.run(["recover"], cluster.settings)
      #expect(refused.exitCode == 2, "\(refused.output)")
      #expect(refused.output.contains("node \(away) is away"), "\(refused.output)")
      let partial = try await CairnProcess.run(["recover", "--partial"], cluster.settings)
      #expect(partial.exitCode == 0, "\(partial.output)")
      try await expect(contents, cluster.curl())
      // Not registered, but named.
      try cluster.redis.command("FLUSHALL")
      let named = try await CairnProcess.run(
        ["recover", "--node", "127.0.0.1:\(cluster.nodes[0].port)", "--node", "127.0.0.1:1"], cluster.settings)
      #expect(named.exitCode == 1, "\(named.output)")
    }

    @Test func theCatalogOfAStoppedServerIsRecovered() async throws {
      let server = try await CairnProcess.server()
      var contents = Contents()
      try await fill(server.curl(), "a", into: &contents)
      let arguments = ["recover", "--sqlite", "--base-storage-path", server.storagePath]
      let refused = try await CairnProcess.run(arguments, ["MIN_FREE_SPACE": "16M"])
      #expect(refused.exitCode == 1 && refused.output.contains("in use"), "\(refused.output)")
      try await server.stopInOrder()
      for file in ["", "-wal", "-shm"] {
        try? FileManager.default.removeItem(atPath: server.storagePath + "/catalog.sqlite" + file)
      }
      let lost = try await CairnProcess.run(arguments + ["--verify"], ["MIN_FREE_SPACE": "16M"])
      #expect(lost.exitCode == 1, "\(lost.output)")
      let recovered = try await CairnProcess.run(arguments, ["MIN_FREE_SPACE": "16M"])
      // With the first access key.
      #expect(recovered.exitCode == 0 && recovered.output.contains("11 objects restored"), "\(recovered.output)")
      let verified = try await CairnProcess.run(arguments + ["--verify"], ["MIN_FREE_SPACE": "16M"])
      #expect(verified.exitCode == 0, "\(verified.output)")
      try await server.restart()
      try await expect(contents, server.curl())
    }

    /// Waits for coordinators that noticed a loss after `start` of their logs, and have made it good.
    private func waitUntilRecovered(_ cluster: Cluster, _ message: String = "the catalog is recovered") async throws {
      for coordinator in cluster.coordinators {
        try await eventually("recovered", within: .seconds(120)) { coordinator.log.contains(message) }
        try await eventually("ready") { try await coordinator.curl()("/ready").status == 200 }
      }
    }

    @Test func anEmptiedRedisHealsUnderRunningCoordinators() async throws {
      let cluster = try await cluster()
      var contents = Contents()
      try await fill(cluster.curl(), "a", into: &contents)
      // A look of each coordinator, so that it knows what there was.
      try await Task.sleep(for: .milliseconds(1500))
      #expect(try cluster.redis.command("FLUSHALL") == "+OK")
      try await eventually("not ready") {
        let answer = try await cluster.curl()("/ready")
        return answer.status == 503 && answer.detail?.contains("has lost data") == true
      }
      // Nothing is said to be missing that may come back.
      #expect([200, 503].contains(try await cluster.curl()("/blob/a5").status))
      // Writes go on meanwhile.
      try await cluster.waitUntilActive(3)
      try await put("meanwhile", Content(offset: 9, count: 5000), cluster.curl(1))
      contents.files["meanwhile"] = Content(offset: 9, count: 5000)
      try await waitUntilRecovered(cluster)
      try await expect(contents, cluster.curl())
      let fresh = try await CairnProcess(.coordinator, cluster.settings)
      try await eventually("ready") { try await fresh.curl()("/ready").status == 200 }
      try await expect(contents, fresh.curl())
      for name in contents.files.keys {
        let status = try await fresh.curl()("/blob/\(name)/status").json
        #expect(status["status"] as? String == "completed", "\(name): \(status)")
      }
    }

    /// Files are found, and their names in no list.
    @Test(arguments: ["names", "objects"]) func aLostIndexHealsUnderRunningCoordinators(_ key: String) async throws {
      let cluster = try await cluster()
      var contents = Contents()
      try await fill(cluster.curl(), "a", into: &contents)
      try await eventually("compared") { try await cluster.curl()("/ready").status == 200 }
      #expect(try cluster.redis.command("DEL", "cairn:{default}:\(key)") == ":1")
      for index in 0..<2 {
        // Nothing is said to be missing.
        let list = try await cluster.curl(index)("/blobs")
        #expect(list.status == 503 || list.text.contains("a8"), "\(list.text)")
        #expect([200, 503].contains(try await cluster.curl(index)("/blob/a8").status))
      }
      // Whoever notices first recovers it, for the other one as well.
      try await eventually("recovered", within: .seconds(120)) {
        cluster.coordinators.contains { $0.log.contains("the catalog is recovered") }
      }
      for coordinator in cluster.coordinators {
        try await eventually("ready") { try await coordinator.curl()("/ready").status == 200 }
      }
      for index in 0..<2 { try await expect(contents, cluster.curl(index)) }
      let verified = try await CairnProcess.run(["recover", "--verify"], cluster.settings)
      #expect(verified.exitCode == 0 && verified.output.contains(" 0 differences"), "\(verified.output)")
    }

    @Test func aLostIndexIsFoundAndRebuiltByCommand() async throws {
      let cluster = try await cluster()
      var contents = Contents()
      try await fill(cluster.curl(), "a", into: &contents)
      for coordinator in cluster.coordinators { try await coordinator.stopInOrder() }
      for key in ["names", "versions"] { try cluster.redis.command("DEL", "cairn:{default}:\(key)") }
      try cluster.redis.command("DEL", "cairn:{cluster}:volume-ids")
      let lost = try await CairnProcess.run(["recover", "--verify"], cluster.settings)
      #expect(lost.exitCode == 1 && lost.output.contains("objects are not in the list of names"), "\(lost.output)")
      let recovered = try await CairnProcess.run(["recover"], cluster.settings)
      #expect(recovered.exitCode == 0 && recovered.output.contains("repaired: volumes: "), "\(recovered.output)")
      #expect(recovered.output.contains(" 0 objects restored"), "\(recovered.output)")
      let verified = try await CairnProcess.run(["recover", "--verify"], cluster.settings)
      #expect(verified.exitCode == 0 && verified.output.contains(" 0 differences"), "\(verified.output)")
      for coordinator in cluster.coordinators { try await coordinator.restart() }
      try await eventually("ready") { try await cluster.curl()("/ready").status == 200 }
      try await expect(contents, cluster.curl())
    }

    /// Everything lost power at once: nobody remembers what there was.
    @Test func aFreshCoordinatorNoticesAnOlderRedis() async throws {
      let cluster = try await Cluster(coordinators: 2, redis: .init(), ["REPLICATION_FACTOR": "2"])
      var contents = Contents()
      try await fill(cluster.curl(), "a", into: &contents)
      try await eventually("compared") { try await cluster.curl()("/ready").status == 200 }
      #expect(try cluster.redis.command("SAVE") == "+OK")
      try await fill(cluster.curl(), "b", into: &contents)
      #expect(try await cluster.curl()("/blob/a5", "-X", "DELETE").status == 204)
      contents.files["a5"] = nil
      contents.deleted.append("a5")
      for coordinator in cluster.coordinators { try await coordinator.kill() }
      try await cluster.redis.kill()
      try await cluster.redis.restart()
      for coordinator in cluster.coordinators { try await coordinator.restart() }
      for index in 0..<2 {
        // Until it is ready it says of nothing that it is missing.
        #expect([200, 503].contains(try await cluster.curl(index)("/blob/b5").status))
        try await eventually("ready") { try await cluster.curl(index)("/ready").status == 200 }
        try await expect(contents, cluster.curl(index))
      }
    }

    @Test func aFreshCoordinatorNoticesAnEmptiedRedis() async throws {
      let cluster = try await cluster()
      var contents = Contents()
      try await fill(cluster.curl(), "a", into: &contents)
      for coordinator in cluster.coordinators { try await coordinator.kill() }
      #expect(try cluster.redis.command("FLUSHALL") == "+OK")
      for coordinator in cluster.coordinators { try await coordinator.restart() }
      for index in 0..<2 {
        #expect([200, 503].contains(try await cluster.curl(index)("/blob/a5").status))
        try await eventually("ready") { try await cluster.curl(index)("/ready").status == 200 }
        try await expect(contents, cluster.curl(index))
      }
    }

    @Test func anOlderRedisHealsByItself() async throws {
      let cluster = try await Cluster(coordinators: 2, redis: .init(), ["REPLICATION_FACTOR": "2"])
      var contents = Contents()
      try await fill(cluster.curl(), "a", into: &contents)
      #expect(try cluster.redis.command("SAVE") == "+OK")
      try await fill(cluster.curl(), "b", into: &contents)
      #expect(try await cluster.curl()("/blob/a5", "-X", "DELETE").status == 204)
      contents.files["a5"] = nil
      contents.deleted.append("a5")
      try await Task.sleep(for: .milliseconds(1500))
      try await cluster.redis.kill()
      try await cluster.redis.restart()
      try await waitUntilRecovered(cluster)
      try await expect(contents, cluster.curl())
      let fresh = try await CairnProcess(.coordinator, cluster.settings)
      try await eventually("ready") { try await fresh.curl()("/ready").status == 200 }
      try await expect(contents, fresh.curl())
    }

    /// What was written after the last look of any coordinator: the epoch does not show it.
    @Test func theLastMomentBeforeACrashOfRedisComesBack() async throws {
      let cluster = try await Cluster(redis: .init(), ["REPLICATION_FACTOR": "2"])
      var contents = Contents()
      try await fill(cluster.curl(), "a", into: &contents)
      try cluster.redis.command("SAVE")
      try await Task.sleep(for: .milliseconds(1500))
      try await put("last", Content(offset: 1, count: 10), cluster.curl())
      try await cluster.redis.kill()
      contents.files["last"] = Content(offset: 1, count: 10)
      try await cluster.redis.restart()
      try await waitUntilRecovered(cluster)
      try await expect(contents, cluster.curl())
    }
  }
}
