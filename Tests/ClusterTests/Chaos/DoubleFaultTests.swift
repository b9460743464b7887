import CairnCatalog
import CairnModel
import CairnRepair
import CairnTestSupport
import Foundation
import NIOPosix
import Testing

extension ClusterSuite {
  /// Two things go wrong after each other, and all that was acknowledged is still on some disk.
  @Suite struct DoubleFaultTests {
    /// One replica loses its last record: damaged, it looks like one that a crash left unfinished, and is cut off at
    /// the start. The node with the good one is away for so long that it is replaced, with a copy of the bad one. When
    /// it is back, it has the only good replica, and nobody's list names it.
    @Test func aReplicaThatCameBackIsNotDroppedWhileItHasMore() async throws {
      let cluster = try await Cluster(
        nodes: 3,
        ["REPLICATION_FACTOR": "2", "REPAIR_DELAY": "2", "NODE_TIMEOUT": "1", "NODE_WRITE_DEADLINE": "1"])
      let curl = try cluster.curl()
      let content = Content(offset: 99, count: 200_000)
      let file = try TemporaryFolder("double")
      try Data(content.bytes).write(to: URL(filePath: file.path + "/up"))
      #expect(try await curl.put("first", "x").status == 201)
      #expect(try await curl("/blob/file", "--upload-file", file.path + "/up").status == 201)
      let holders = try #require(try await curl("/blob/file/status").json["successful_nodes"] as? [String])
      try #require(holders.count == 2)
      var (bad, good) = (CairnProcess?.none, CairnProcess?.none)
      for node in cluster.nodes {
        let id = try await cluster.id(of: node)
        if id == holders[0] { bad = node } else if id == holders[1] { good = node }
      }
      let (cut, away) = (try #require(bad), try #require(good))
      try await cut.kill()
      try cut.flipByte(in: Data(content.bytes), at: 150_000)
      try await cut.restart()
      try await cluster.waitUntilActive(3)
      try await away.kill()
      try await eventually("the node that is away was replaced, or can't be", within: .seconds(20)) {
        let log = cluster.coordinators[0].log
        return log.contains("\"replica made\"") || log.contains("repair failed")
      }
      try await away.restart()
      try await cluster.waitUntilActive(3)
      // A surplus replica gets REPAIR_DELAY, and is looked at every 3 s.
      _ = try? await eventually("the surplus replica is dropped", within: .seconds(12)) {
        cluster.coordinators[0].log.contains("surplus replica dropped")
      }
      try await eventually("the file is there", within: .seconds(10)) {
        let answer = try await curl("/blob/file")
        return answer.status == 200 && content.isSame(as: Array(answer.body))
      }
    }

    /// A replica is to be mended, and its node dies for good: the queue has one piece of work for a volume, and as long
    /// as that fails, the volume is not copied elsewhere.
    @Test func workOnANodeThatIsGoneDoesNotStandInTheWay() async throws {
      let cluster = try await Cluster(
        nodes: 3,
        ["REPLICATION_FACTOR": "2", "REPAIR_DELAY": "2", "NODE_TIMEOUT": "1", "NODE_WRITE_DEADLINE": "1"])
      let curl = try cluster.curl()
      #expect(try await curl.put("file", "x").status == 201)
      let holders = try #require(try await curl("/blob/file/status").json["successful_nodes"] as? [String])
      for node in cluster.nodes where try await cluster.id(of: node) == holders[0] { try await node.kill() }
      let catalog = try RedisCatalog(
        configuration: RedisConfiguration(address: .host("127.0.0.1", port: cluster.redis.port)),
        eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: StoredRecords.quiet)
      for volume in try await catalog.volumes(after: nil, limit: 100) {
        guard volume.nodes.contains(where: { $0.description == holders[0] }) else { continue }
        _ = try await catalog.enqueue(VolumeWork.mend(volume.id).queued)
      }
      await catalog.close()
      try await cluster.waitUntilActive(2)
      try await eventually("the file is complete", within: .seconds(30)) {
        try await curl("/blob/file/status").json["status"] as? String == "completed"
      }
    }
  }
}
