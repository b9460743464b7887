import CairnTestSupport
import Foundation
import Testing

extension ClusterSuite {
  /// The cluster makes good what it lost, without being told.
  @Suite struct RepairTests {
    private static let settings = [
      "REPLICATION_FACTOR": "2", "REPAIR_DELAY": "2", "NODE_TIMEOUT": "1", "NODE_WRITE_DEADLINE": "1",
    ]

    /// Then another node dies: what was healed is all there is.
    @Test func theReplicasOfADeadNodeAreMadeElsewhere() async throws {
      var cluster = try await Cluster(nodes: 3, Self.settings)
      let stored = try await cluster.upload(60)
      let dead = cluster.nodes.removeFirst()
      let id = try await cluster.id(of: dead)
      try await dead.kill()
      try await cluster.waitUntilActive(2)
      try await cluster.waitUntilComplete(stored)
      let status = try await cluster.curl()("/blob/file-0/status").json
      #expect((status["successful_nodes"] as? [String])?.contains(id) == false)
      try await cluster.nodes[0].kill()
      try await cluster.expectAll(stored)
    }

    @Test func aNodeThatWasLostAndJoinsANewOneHealsAll() async throws {
      var cluster = try await Cluster(nodes: 2, Self.settings)
      let stored = try await cluster.upload(30)
      try await cluster.nodes.removeFirst().kill()
      try await cluster.waitUntilActive(1)
      cluster.nodes.append(try await CairnProcess(.node, cluster.settings))
      try await cluster.waitUntilComplete(stored)
      try await cluster.nodes[0].kill()
      try await cluster.expectAll(stored)
    }

    /// One bit of one replica is changed on its disk: every read gives the right bytes, and the replica is mended.
    @Test func aDamagedReplicaIsMendedByReading() async throws {
      let cluster = try await Cluster(nodes: 2, Self.settings)
      let curl = try cluster.curl()
      let content = Content(offset: 77, count: 300_000)
      let file = try TemporaryFolder("repair")
      try Data(content.bytes).write(to: URL(filePath: file.path + "/up"))
      #expect(try await curl("/blob/file", "--upload-file", file.path + "/up").status == 201)
      try cluster.nodes[0].flipByte(in: Data(content.bytes), at: 150_000)
      for _ in 1...20 {
        let answer = try await curl("/blob/file")
        #expect(answer.status == 200)
        #expect(content.isSame(as: Array(answer.body)))
      }
      // The mended replica alone gives the right bytes.
      try await eventually("the replica is mended", within: .seconds(30)) {
        cluster.coordinators[0].log.contains("record restored")
      }
      try await cluster.nodes[1].kill()
      try await eventually("the other replica answers") { try await curl("/blob/file").status == 200 }
      #expect(content.isSame(as: Array(try await curl("/blob/file").body)))
    }

    /// A node comes back after its replicas were made elsewhere: they are dropped there, and no others.
    @Test func surplusReplicasOfANodeThatCameBackAreDropped() async throws {
      let cluster = try await Cluster(nodes: 3, Self.settings)
      let stored = try await cluster.upload(30)
      try await cluster.nodes[0].kill()
      try await cluster.waitUntilActive(2)
      try await cluster.waitUntilComplete(stored)
      try await cluster.nodes[0].restart(samePort: false)
      try await cluster.waitUntilActive(3)
      try await eventually("the surplus replicas are dropped", within: .seconds(60)) {
        cluster.coordinators[0].log.contains("surplus replica dropped")
      }
      try await cluster.nodes[0].kill()
      try await cluster.expectAll(stored)
    }

    /// The worker that copies is killed: another one takes its work over.
    @Test func theWorkOfAKilledWorkerIsDoneByAnother() async throws {
      let cluster = try await Cluster(coordinators: 2, nodes: 3, Self.settings)
      let stored = try await cluster.upload(60)
      try await cluster.nodes[0].kill()
      try await cluster.waitUntilActive(2)
      try await eventually("a coordinator copies", within: .seconds(30)) {
        cluster.coordinators.contains { $0.log.contains("replica made") }
      }
      try await cluster.coordinators[1].kill()
      try await cluster.waitUntilComplete(stored)
      try await cluster.expectAll(stored)
    }

    /// A drained node ends without a replica, is said to be expendable, and may go.
    @Test func aDrainedNodeIsEmptied() async throws {
      let cluster = try await Cluster(nodes: 3, Self.settings)
      let stored = try await cluster.upload(40)
      let curl = try cluster.curl()
      let id = try await cluster.id(of: cluster.nodes[0])
      #expect(try await curl("/nodes/\(id)/drain", "-X", "POST").status == 200)
      try await eventually("the node is empty", within: .seconds(60)) {
        try await curl("/nodes/\(id)").json["may_be_switched_off"] as? Bool == true
      }
      try await cluster.nodes[0].kill()
      try await cluster.expectAll(stored)
      for (name, _) in stored {
        #expect(try await curl("/blob/\(name)/status").json["status"] as? String == "completed")
      }
    }

    /// Nobody reads the damaged file: the scrub finds the damage.
    @Test func aScrubFindsDamageAndItIsMended() async throws {
      let cluster = try await Cluster(nodes: 2, Self.settings.merging(["SCRUB_RATE": "0"]) { $1 })
      let curl = try cluster.curl()
      let content = Content(offset: 99, count: 200_000)
      let file = try TemporaryFolder("scrub")
      try Data(content.bytes).write(to: URL(filePath: file.path + "/up"))
      #expect(try await curl("/blob/file", "--upload-file", file.path + "/up").status == 201)
      try cluster.nodes[0].flipByte(in: Data(content.bytes), at: 150_000)
      #expect(try await curl("/scrub", "-X", "POST").status == 202)
      try await eventually("the replica is mended", within: .seconds(30)) {
        cluster.coordinators[0].log.contains("record restored")
      }
    }

    /// What an upload that was cut off left behind goes after its time; what was committed stays.
    @Test func orphansGoAfterTheirTime() async throws {
      let cluster = try await Cluster(nodes: 2, Self.settings.merging(["ORPHAN_AGE": "2", "REPLICATOR": "off"]) { $1 })
      let stored = try await cluster.upload(10)
      let curl = try cluster.curl()
      let port = cluster.coordinators[0].port
      try await BlockingThreads.run {
        let connection = try WireClient(port: port)
        try connection.send(Array("PUT /blob/never HTTP/1.1\r\nHost: x\r\nContent-Length: 40000000\r\n\r\n".utf8)[...])
        try connection.send(RandomBytes.slice(count: 25_000_000))
      }
      try await cluster.coordinators[0].kill()
      try await cluster.coordinators[0].restart()
      try await cluster.waitUntilActive(2)
      // By itself, with or without a replicator in the coordinator; or because somebody asks.
      try await eventually("orphans are found", within: .seconds(30), every: .seconds(1)) {
        if cluster.coordinators[0].log.contains("orphans found") { return true }
        #expect(try await curl("/gc?dry_run=1", "-X", "POST").json["removed"] as? Bool == false)
        return try await curl("/gc", "-X", "POST").json["count"] as? Int ?? 0 > 0
      }
      try await eventually("the orphans are gone", within: .seconds(30)) {
        try await curl("/gc?dry_run=1", "-X", "POST").json["count"] as? Int == 0
      }
      try await cluster.expectAll(stored)
    }
  }
}
