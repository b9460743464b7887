import CairnTestSupport
import Foundation
import Testing

extension ClusterSuite {
  @Suite struct PoisonedCatalogTests {
    /// A coordinator that crashed on what is in Redis would crash again at each start.
    @Test func entriesOfNonsenseInRedisCostThemselvesOnly() async throws {
      var cluster = try await Cluster(nodes: 2)
      let curl = try cluster.curl()
      #expect(try await curl.put("kept", "payload").status == 201)
      // Else the node that stops below would be waited for, as nobody had read what it holds.
      try await eventually("both nodes are compared") {
        try cluster.redis.command("HLEN", "cairn:{default}:reconciled") == ":2"
      }
      #expect(try await cluster.coordinators[0].stop() == 0)
      let silent = cluster.nodes.removeLast()
      let id = try await cluster.id(of: silent)
      let living = try await cluster.id(of: cluster.nodes[0])
      #expect(try await silent.stop() == 0)

      let redis = cluster.redis
      let time = "9223372036854775808"
      for key in ["heartbeats", "nodes"] {
        try redis.command("HSET", "cairn:{cluster}:\(key)", String(repeating: "0", count: 32), "123456780\(time)")
      }
      try redis.command("HSET", "cairn:{cluster}:heartbeats", id, "123456780\(time)")
      try redis.command("HSET", "cairn:{default}:reconciled", living, "\(time) run_id:x")
      try redis.command("HSET", "cairn:{cluster}:replay-marks", "8 bytes.", time + time)
      try redis.command("SADD", "cairn:{cluster}:open-volumes", "8 bytes.")
      try redis.command("HSET", "cairn:{cluster}:repair-states", "x", "nonsense")

      try await cluster.coordinators[0].restart()
      try await cluster.waitUntilActive(1)
      #expect(try await cluster.curl()("/blob/kept").text == "payload" || cluster.nodes.count == 1)
      #expect(try await cluster.curl().put("new", "payload").status == 201)
      #expect(try await cluster.curl()("/blob/new").text == "payload")
      let log = cluster.coordinators[0].log
      #expect(log.contains("catalog entry skipped"))
      #expect(log.contains("\"kind\":\"heartbeat\""))
      // The node whose entry it was can come back.
      try await silent.restart()
      try await cluster.waitUntilActive(2)
      #expect(try await cluster.curl()("/blob/kept").text == "payload")
      #expect(cluster.coordinators[0].crash == nil)
    }
  }
}
