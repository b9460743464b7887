import CairnTestSupport
import Foundation
import Testing

extension ClusterSuite {
  /// A Redis that is a cache: it throws entries away when its memory is full.
  @Suite struct EvictionTests {
    private static let complaint = "maxmemory-policy 'allkeys-lru'"

    @Test func nothingStartsOnARedisThatEvicts() async throws {
      let redis = try await RedisServer(.init(arguments: ["--maxmemory", "10mb", "--maxmemory-policy", "allkeys-lru"]))
      let settings = ["REDIS_HOST": "127.0.0.1", "REDIS_PORT": "\(redis.port)"]
      let peer = settings.merging(["PEERS": "1", "NODE_PORT": "0"]) { $1 }
      for (role, settings) in [
        (CairnProcess.Role.coordinator, settings), (.node, settings), (.replicator, settings), (.server, peer),
      ] {
        let error = await #expect(throws: CairnProcess.StartError.self) { try await CairnProcess(role, settings) }
        let output = try #require(error?.output)
        #expect(error?.exitCode == 1 && output.contains(Self.complaint) && output.contains("noeviction"), "\(output)")
      }
      for command in [["recover"], ["recover", "--verify"]] {
        let result = try await CairnProcess.run(command, settings)
        #expect(result.exitCode == 1 && result.output.contains(Self.complaint), "\(command): \(result.output)")
      }
    }

    @Test func whatWasEvictedIsNeverSaidToBeGone() async throws {
      let cluster = try await Cluster(["REPLICATION_FACTOR": "2"])
      let stored = try await cluster.upload(20, of: 2000)
      let curl = try cluster.curl()
      // Everything that anybody puts there goes at once, a look of the coordinator's included.
      try cluster.redis.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
      try cluster.redis.command("CONFIG", "SET", "maxmemory", "1")
      try await eventually("not ready") {
        let ready = try await curl("/ready")
        return ready.status == 503 && ready.detail?.contains(Self.complaint) == true
      }
      #expect(try cluster.redis.command("EXISTS", "cairn:{default}:objects") == ":0")
      #expect(cluster.coordinators[0].log.contains(Self.complaint))
      for (name, _) in stored.prefix(3) {
        let answer = try await curl("/blob/\(name)")
        #expect(answer.status == 503 && answer.headers["retry-after"] != nil, "\(answer.status) \(answer.text)")
      }
      #expect(try await curl("/blobs").status == 503)
      #expect(try await curl.put("file-0", "x", "-H", "If-None-Match: *").status == 503)
      #expect(try await curl("/blob/file-0", "-X", "DELETE").status == 503)
      let ready = try await cluster.nodes[0].curl()("/ready")
      #expect(ready.status == 503 && ready.text.contains(Self.complaint), "\(ready.text)")

      try cluster.redis.command("CONFIG", "SET", "maxmemory", "0")
      try cluster.redis.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
      try await cluster.waitUntilActive(3)
      try await cluster.expectAll(stored)
      #expect(try await curl.names().count == stored.count)
    }
  }
}
