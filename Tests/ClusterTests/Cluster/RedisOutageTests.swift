import CairnTestSupport
import Foundation
import Testing

extension ClusterSuite {
  /// Redis goes away and comes back; Redis in all the ways in which it can be reached.
  @Suite struct RedisOutageTests {
    @Test func theCoordinatorSurvivesAnOutageAndRecoversByItself() async throws {
      let cluster = try await Cluster(nodes: 2)
      let curl = try cluster.curl()
      #expect(try await curl.put("a", "before").status == 201)
      try await cluster.redis.kill()

      try await eventually("the coordinator is not ready") { try await curl("/ready").status == 503 }
      let ready = try await curl("/ready")
      #expect(ready.detail?.contains("Redis connection failed") == true, "\(ready.text)")
      #expect(ready.detail?.contains("127.0.0.1:\(cluster.redis.port)") == true, "\(ready.text)")
      #expect(try await curl("/health").status == 200)
      for answer in [try await curl("/blob/a"), try await curl.put("b", "x"), try await curl("/blobs")] {
        #expect(answer.status == 503, "\(answer.text)")
        #expect(answer.headers["retry-after"] != nil)
        #expect(answer.detail != nil)
      }
      // The nodes' silence is none of their own.
      try await eventually("no node is heard") {
        try await curl("/nodes").json["active_nodes_count"] as? Int == 0
      }
      for detail in [try await curl.put("b", "x").detail, try await curl("/nodes").detail] {
        #expect(detail?.contains("Redis connection failed") == true, "\(detail ?? "nothing")")
      }
      let log = cluster.coordinators[0].log
      #expect(log.contains("Redis connection failed: "), "\(log.suffix(1000))")
      #expect(try await cluster.nodes[0].curl()("/health").status == 200)
      #expect(try await cluster.nodes[0].curl()("/ready").status == 503)

      try await cluster.redis.restart()
      try await eventually("the coordinator is ready again") { try await curl("/ready").status == 200 }
      try await cluster.waitUntilActive(2)
      #expect(try await curl("/blob/a").text == "before")
      // Whether an upload is stored that was answered 503 is left open: its record is on the disks.
      #expect([200, 201].contains(try await curl.put("b", "after").status))
      #expect(try await curl("/blob/b").text == "after")
      #expect(try await curl.names() == ["a", "b"])
      for process in cluster.coordinators + cluster.nodes { try await process.stopInOrder() }
    }

    @Test func aNodeServesItsBlobsWithoutRedis() async throws {
      let cluster = try await Cluster(nodes: 1)
      let (curl, node) = (try cluster.curl(), cluster.nodes[0])
      let stored = try await curl.put("a", "bytes")
      let blob = try #require(stored.metadata["blob_id"] as? String)
      try await cluster.redis.kill()
      let logs = FileManager.default.subpaths(atPath: node.storagePath)?.filter { $0.hasSuffix(".log") } ?? []
      let volume = try #require(logs.first?.split(separator: "/").last?.dropLast(4))
      let answer = try await node.curl()(
        "/volumes/\(volume)/blobs/\(blob)", "-H", "X-Cairn-Node: \(try await cluster.id(of: node))")
      #expect(answer.text == "bytes", "\(answer.status)")
    }

    @Test func everythingStartsBeforeRedis() async throws {
      let cluster = try await Cluster(nodes: 0)
      try await cluster.redis.kill()
      let coordinator = try await CairnProcess(.coordinator, cluster.settings)
      let node = try await CairnProcess(.node, cluster.settings)
      #expect(try await coordinator.curl()("/ready").status == 503)
      try await cluster.redis.restart()
      try await eventually("the coordinator is ready") { try await coordinator.curl()("/ready").status == 200 }
      #expect(try await coordinator.curl().put("a", "x").status == 201)
      try await node.stopInOrder()
    }

    @Test func passwordDatabaseAndUnixSocketWork() async throws {
      let redis = try await RedisServer(.init(password: "s3cret"))
      let settings = [
        "REDIS_SOCKET": redis.socketPath, "REDIS_PASSWORD": "s3cret", "REDIS_DB": "3", "NODE_HEARTBEAT_INTERVAL": "0.2",
        "NODE_TIMEOUT": "2",
      ]
      let coordinator = try await CairnProcess(.coordinator, settings)
      let node = try await CairnProcess(.node, settings)
      try await eventually("ready") { try await coordinator.curl()("/ready").status == 200 }
      #expect(try await coordinator.curl().put("a", "x").status == 201)
      #expect(try redis.command("DBSIZE") == ":0", "database 0 stays empty")
      // The same database by host and port.
      let byPort = settings.filter { $0.key != "REDIS_SOCKET" }
        .merging(["REDIS_HOST": "127.0.0.1", "REDIS_PORT": "\(redis.port)"]) { $1 }
      let second = try await CairnProcess(.coordinator, byPort)
      try await eventually("ready") { try await second.curl()("/ready").status == 200 }
      #expect(try await second.curl()("/blob/a").text == "x")
      // A wrong password is told, and not shown.
      let wrong = try await CairnProcess(.coordinator, byPort.merging(["REDIS_PASSWORD": "wr0ng"]) { $1 })
      let ready = try await wrong.curl()("/ready")
      #expect(ready.status == 503)
      #expect(ready.detail?.contains("Redis connection failed") == true, "\(ready.text)")
      #expect(!wrong.log.contains("wr0ng"))
      try await node.stopInOrder()
    }
  }
}
