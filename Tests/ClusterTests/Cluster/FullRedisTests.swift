import CairnTestSupport
import Foundation
import Testing

extension ClusterSuite {
  @Suite struct FullRedisTests {
    @Test func aFullRedisCanBeEmptied() async throws {
      let cluster = try await Cluster(redis: .init(arguments: ["--maxmemory", "64mb"]), ["REPLICATION_FACTOR": "2"])
      let curl = try cluster.curl()
      let stored = try await cluster.upload(20, of: 2000)
      // A neighbour in the same Redis takes the memory that is left.
      try cluster.redis.command("SET", "filler", String(repeating: "x", count: 8 << 20))
      try cluster.redis.command("CONFIG", "SET", "maxmemory", "\(4 << 20)")
      let refused = try await curl.put("new", "x")
      #expect(refused.status == 507, "\(refused.text)")
      #expect(refused.detail?.contains("Redis at") == true, "\(refused.text)")
      #expect(refused.detail?.contains("maxmemory") == true, "\(refused.text)")
      let overwritten = try await curl.put("file-19", "x")
      #expect(overwritten.status == 507, "\(overwritten.text)")
      // Longer than NODE_TIMEOUT. A node that comes back finds its place as well.
      let start = ContinuousClock.now
      #expect(try await cluster.nodes[2].stop() == 0)
      try await cluster.nodes[2].restart()
      try await Task.sleep(until: start + .seconds(4))
      try await cluster.waitUntilActive(3)
      try await cluster.expectAll(stored)
      for (name, _) in stored.dropLast() {
        #expect(try await curl("/blob/\(name)", "-X", "DELETE").status == 204, "\(name)")
      }
      #expect(try await curl.names() == ["file-19"])
      // A coordinator that starts now can do the same.
      let fresh = try await CairnProcess(.coordinator, cluster.settings)
      try await eventually("ready") { try await fresh.curl()("/ready").status == 200 }
      #expect(try await fresh.curl()("/blob/file-19", "-X", "DELETE").status == 204)
      #expect(try await fresh.curl().names().isEmpty)

      try cluster.redis.command("DEL", "filler")
      #expect(try await curl.put("new", "x").status == 201)
      #expect(try await curl("/blob/new").text == "x")
    }
  }
}
