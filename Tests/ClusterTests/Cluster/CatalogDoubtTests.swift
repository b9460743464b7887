import CairnTestSupport
import Foundation
import Glibc
import Testing

extension ClusterSuite {
  /// Redis comes back without something that nodes hold, and not all of these can be asked at once.
  @Suite struct CatalogDoubtTests {
    /// What a coordinator must not say before it knows: that the file is missing.
    private func expectDoubt(about name: String, _ curl: Curl, sourceLocation: SourceLocation = #_sourceLocation)
      async throws
    {
      #expect(try await curl("/blob/\(name)").status == 503, sourceLocation: sourceLocation)
      #expect(try await curl("/blobs").status == 503, sourceLocation: sourceLocation)
      #expect(
        try await curl.put(name, "other", "-H", "If-None-Match: *").status == 503, sourceLocation: sourceLocation)
      #expect(try await curl("/blob/\(name)", "-X", "DELETE").status == 503, sourceLocation: sourceLocation)
      #expect(try await curl("/ready").status == 503, sourceLocation: sourceLocation)
    }

    /// The coordinator runs for longer than `NODE_TIMEOUT` when Redis answers, and Redis is there before the nodes are.
    @Test func aCoordinatorThatWaitedForRedisWaitsForNodesAsWell() async throws {
      let cluster = try await Cluster(nodes: 2, redis: .init(), ["REPLICATION_FACTOR": "2", "NODE_TIMEOUT": "1"])
      let curl = try cluster.curl()
      #expect(try await curl.put("old", "1").status == 201)
      #expect(try cluster.redis.command("SAVE") == "+OK")
      #expect(try await curl.put("last", "2").status == 201)
      try await cluster.redis.kill()
      try await cluster.coordinators[0].kill()
      for node in cluster.nodes { node.signal(SIGSTOP) }
      try await cluster.coordinators[0].restart()
      try await Task.sleep(for: .milliseconds(1500))
      try await cluster.redis.restart()
      let restarted = try cluster.curl()
      // Longer than the coordinator takes to look at Redis.
      for _ in 1...15 {
        try await expectDoubt(about: "last", restarted)
        try await Task.sleep(for: .milliseconds(100))
      }
      for node in cluster.nodes { node.signal(SIGCONT) }
      try await cluster.waitUntilActive(2)
      #expect(try await restarted("/blob/last").text == "2")
      #expect(try await restarted.names() == ["last", "old"])
    }

    /// Writes wait for one copy, and nobody has another one yet. What other nodes hold is served meanwhile.
    @Test func theOnlyHolderIsWaitedFor() async throws {
      let cluster = try await Cluster(
        nodes: 2,
        ["REPLICATION_MODE": "async", "REPLICATION_FACTOR": "2", "NODE_TIMEOUT": "1", "REPLICATOR": "off"])
      let curl = try cluster.curl()
      var holders: [String: String] = [:]
      for index in 0..<50 where Set(holders.values).count < 2 {
        let answer = try await curl.put("\(index)", "content \(index)")
        holders["\(index)"] = try #require((answer.metadata["stored_nodes"] as? [String])?.first)
      }
      let away = cluster.nodes[1]
      let id = try await cluster.id(of: away)
      let lost = try #require(holders.first { $0.value == id }?.key)
      let found = try #require(holders.first { $0.value != id }?.key)
      try await away.kill()
      #expect(try cluster.redis.command("FLUSHALL") == "+OK")
      try await eventually("what can be read was read") { try await curl("/blob/\(found)").status == 200 }
      for _ in 1...15 {
        try await expectDoubt(about: lost, curl)
        #expect(try await curl("/blob/\(found)").text == "content \(found)")
        try await Task.sleep(for: .milliseconds(100))
      }
      #expect(try await curl("/ready").detail?.contains(id) == true)
      try await away.restart()
      try await cluster.waitUntilActive(2)
      for name in holders.keys { #expect(try await curl("/blob/\(name)").text == "content \(name)") }
      #expect(try await curl.names() == holders.keys.sorted())
    }

    /// Two of three nodes have everything: nobody waits until the third one counts as dead.
    @Test func oneOfThreeNodesMayBeMissingAfterARestart() async throws {
      let cluster = try await Cluster(
        ["REPLICATION_FACTOR": "3", "MIN_REPLICAS": "2", "NODE_TIMEOUT": "90", "NODE_HEARTBEAT_INTERVAL": "1"])
      #expect(try await cluster.curl().put("file", "content").status == 201)
      try await cluster.coordinators[0].stopInOrder()
      for node in cluster.nodes { try await node.stopInOrder() }
      try await cluster.redis.stop()
      try await cluster.redis.restart()
      try await cluster.coordinators[0].restart()
      for node in cluster.nodes[..<2] { try await node.restart() }
      let curl = try cluster.curl()
      try await eventually("ready", within: .seconds(20)) { try await curl("/ready").status == 200 }
      #expect(try await curl("/blob/file").text == "content")
      #expect(try await curl("/blob/none").status == 404)
      #expect(try await curl.names() == ["file"])
    }
  }
}
