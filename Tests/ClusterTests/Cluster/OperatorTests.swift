import CairnCatalog
import CairnTestSupport
import Foundation
import Logging
import NIOPosix
import Testing

extension ClusterSuite {
  /// What an operator sees of a cluster, and says to it.
  @Suite struct OperatorTests {
    private func cluster(nodes: Int = 3) async throws -> Cluster {
      // Without repair work, so that what a test sees stays.
      try await Cluster(nodes: nodes, ["REPLICATION_FACTOR": "2", "MIN_REPLICAS": "1", "REPLICATOR": "off"])
    }

    /// Runs `cairn` against the cluster's coordinator.
    private func cairn(_ cluster: Cluster, _ arguments: String...) async throws -> ShortProcess.Result {
      try await CairnProcess.run(arguments, ["CAIRN_SERVER": "http://127.0.0.1:\(cluster.coordinators[0].port)"])
    }

    private func volumes(_ cluster: Cluster) async throws -> [String: Int] {
      let answer = try await cluster.curl()("/status")
      return try #require(answer.json["volumes"] as? [String: Int], "\(answer.status) \(answer.text)")
    }

    private func statusWord(of id: String, _ cluster: Cluster) async throws -> String? {
      let nodes = try await cluster.curl()("/status").json["nodes"] as? [[String: Any]]
      return nodes?.first { $0["node_id"] as? String == id }?["status"] as? String
    }

    private func drain(_ id: String, _ cluster: Cluster, method: String = "POST") async throws -> Curl.Answer {
      try await cluster.curl()("/nodes/\(id)/drain", "-X", method)
    }

    /// Writes until each node has volumes, as it has when each has got one of its own.
    private func fill(_ cluster: Cluster) async throws {
      try await eventually("each node has a volume") {
        for number in 0..<10 { #expect(try await cluster.curl().put("\(number)", "x").status < 300) }
        for node in cluster.nodes where try await volumeCount(naming: node, cluster) == 0 { return false }
        return true
      }
    }

    private func volumeCount(naming node: CairnProcess, _ cluster: Cluster) async throws -> Int {
      let answer = try await cluster.curl()("/nodes/\(try await cluster.id(of: node))")
      return try #require(answer.json["volumes"] as? Int, "\(answer.status) \(answer.text)")
    }

    @Test func aKilledNodesVolumesAreAtRiskAtOnce() async throws {
      let cluster = try await cluster()
      try await fill(cluster)
      let before = try await volumes(cluster)
      #expect(before["healthy"] == before["total"])
      #expect(before["at_risk"] == 0 && before["unavailable"] == 0)
      let onIt = try await volumeCount(naming: cluster.nodes[0], cluster)
      let id = try await cluster.id(of: cluster.nodes[0])
      try await cluster.nodes[0].kill()
      try await eventually("the status tells", within: .seconds(10)) {
        try await statusWord(of: id, cluster) == "inactive"
      }
      let after = try await volumes(cluster)
      // Of two copies one is left: more than "fewer than wanted".
      #expect(after["at_risk"] == onIt)
      #expect(after["unavailable"] == 0)
      let shown = try await cairn(cluster, "status")
      #expect(shown.exitCode == 0)
      #expect(shown.output.contains("\(onIt) at risk, 0 unavailable"), "\(shown.output)")
      #expect(shown.output.contains("inactive"))
      try await cluster.nodes[0].restart()
      try await cluster.waitUntilActive(3)
      #expect(try await volumes(cluster)["healthy"] == before["total"])
    }

    @Test func ofThreeCopiesOneLostIsUnderReplicated() async throws {
      let cluster = try await Cluster(["REPLICATION_FACTOR": "3", "REPLICATOR": "off"])
      #expect(try await cluster.curl().put("a", "x").status == 201)
      try await cluster.nodes[0].kill()
      try await cluster.waitUntilActive(2)
      let counts = try await volumes(cluster)
      #expect(counts["under_replicated"] == counts["total"])
      #expect(counts["at_risk"] == 0)
    }

    @Test func aDrainingNodeGetsNothingNewUntilItIsTakenBack() async throws {
      let cluster = try await cluster()
      try await fill(cluster)
      let id = try await cluster.id(of: cluster.nodes[0])
      let held = try await volumeCount(naming: cluster.nodes[0], cluster)
      let drained = try await cairn(cluster, "drain", String(id.prefix(10)))
      #expect(drained.exitCode == 0)
      #expect(drained.output.contains("node \(id) gets nothing new; volumes left: \(held)"), "\(drained.output)")
      #expect(try await statusWord(of: id, cluster) == "draining")
      let node = try await cluster.curl()("/nodes/\(id)").json
      #expect(node["may_be_switched_off"] as? Bool == false)
      #expect(node["volumes_left"] as? Int == held)
      for number in 0..<30 {
        let answer = try await cluster.curl().put("new-\(number)", "x")
        #expect(answer.status == 201)
        #expect((answer.metadata["stored_nodes"] as? [String])?.contains(id) == false)
      }
      #expect(try await volumeCount(naming: cluster.nodes[0], cluster) == held)
      // What it has is still read from it.
      for number in 0..<10 { #expect(try await cluster.curl()("/blob/\(number)").text == "x") }

      let undrained = try await cairn(cluster, "undrain", id)
      #expect(undrained.exitCode == 0)
      #expect(undrained.output == "node \(id) is active\n")
      try await eventually("it gets data again") {
        let answer = try await cluster.curl().put("back", "x")
        return (answer.metadata["stored_nodes"] as? [String])?.contains(id) == true
      }
    }

    @Test func aDrainSurvivesTheNodesRestart() async throws {
      let cluster = try await cluster()
      let id = try await cluster.id(of: cluster.nodes[0])
      #expect(try await drain(id, cluster).status == 200)
      try await cluster.nodes[0].kill()
      try await cluster.nodes[0].restart(samePort: false)
      try await cluster.waitUntilActive(3)
      #expect(try await statusWord(of: id, cluster) == "draining")
    }

    @Test func anEmptyDrainedNodeMayBeSwitchedOffAndForgotten() async throws {
      let cluster = try await cluster()
      let id = try await cluster.id(of: cluster.nodes[0])
      let drained = try await cairn(cluster, "drain", id, "--wait")
      #expect(drained.exitCode == 0)
      #expect(drained.output.hasSuffix("node \(id) is empty: it may be switched off\n"), "\(drained.output)")
      #expect(try await cluster.nodes[0].stop() == 0)
      let forgotten = try await cairn(cluster, "forget", id)
      #expect(forgotten.exitCode == 0, "\(forgotten.output)")
      let nodes = try await cairn(cluster, "nodes")
      #expect(nodes.exitCode == 0)
      #expect(!nodes.output.contains(id.prefix(12)))
      #expect(try await cluster.curl()("/nodes/\(id)").status == 404)
    }

    /// With the repair work on: everything that the node had is elsewhere when the command ends.
    @Test func aFullNodeIsEmptiedAndAllFilesAreThereWithoutIt() async throws {
      let cluster = try await Cluster(["REPLICATION_FACTOR": "2", "REPAIR_DELAY": "2"])
      try await fill(cluster)
      let id = try await cluster.id(of: cluster.nodes[0])
      let drained = try await cairn(cluster, "drain", id, "--wait")
      #expect(drained.exitCode == 0)
      #expect(drained.output.hasSuffix("node \(id) is empty: it may be switched off\n"), "\(drained.output)")
      #expect(try await cluster.nodes[0].stop() == 0)
      let forgotten = try await cairn(cluster, "forget", id)
      #expect(forgotten.exitCode == 0, "\(forgotten.output)")
      for number in 0..<10 { #expect(try await cluster.curl()("/blob/\(number)").text == "x") }
      let counts = try await volumes(cluster)
      #expect(counts["healthy"] == counts["total"])
    }

    @Test func aNodeThatIsActiveOrNeededIsNotForgotten() async throws {
      let cluster = try await cluster()
      try await fill(cluster)
      let id = try await cluster.id(of: cluster.nodes[0])
      let active = try await cairn(cluster, "forget", id)
      #expect(active.exitCode == 1)
      #expect(active.output == "cairn: Node \(id) is active: drain it, then stop its process, then forget it\n")
      try await cluster.nodes[0].kill()
      try await cluster.waitUntilActive(2)
      let needed = try await cluster.curl()("/nodes/\(id)", "-X", "DELETE")
      #expect(needed.status == 409)
      #expect(needed.detail?.contains(" on node \(id): start it again, or wait until repair") == true)
      #expect(try await statusWord(of: id, cluster) == "inactive")
    }

    @Test func theLastNodeThatTakesDataIsNotDrained() async throws {
      let cluster = try await cluster(nodes: 2)
      let ids = [try await cluster.id(of: cluster.nodes[0]), try await cluster.id(of: cluster.nodes[1])]
      #expect(try await drain(ids[0], cluster).status == 200)
      let refused = try await drain(ids[1], cluster)
      #expect(refused.status == 409)
      #expect(refused.detail == "No other storage node takes data: start another one, then drain \(ids[1])")
      #expect(try await cluster.curl().put("a", "x").status == 201)
    }

    @Test func aDrainThatCannotEndIsToldAtOnce() async throws {
      let cluster = try await cluster(nodes: 2)
      try await fill(cluster)
      let id = try await cluster.id(of: cluster.nodes[0])
      let drained = try await cairn(cluster, "drain", id)
      #expect(drained.exitCode == 0)
      #expect(drained.output.contains("its volumes want 1 more node that takes data"), "\(drained.output)")
      #expect(try await cluster.curl()("/nodes/\(id)").json["nodes_missing"] as? Int == 1)
    }

    @Test func repairWorkIsShownWithRateAndEstimate() async throws {
      let cluster = try await cluster(nodes: 1)
      let group = MultiThreadedEventLoopGroup.singleton
      let catalog = try RedisCatalog(
        configuration: RedisConfiguration(address: .host("127.0.0.1", port: cluster.redis.port)),
        eventLoopGroup: group, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
      catalog.start()
      for key in ["first", "second"] {
        #expect(try await catalog.enqueue(RepairWork(key: key, kind: "none-such", payload: [])))
      }
      let claimed = try #require(try await catalog.claim(worker: "w", limit: 1, lease: .seconds(600)).first)
      #expect(try await catalog.progress(claimed, done: 1 << 30, total: 3 << 30))
      let repair = try await eventually("a rate can be told") {
        let repair = try await cluster.curl()("/status").json["repair"] as? [String: Any]
        let tasks = repair?["tasks"] as? [[String: Any]]
        return tasks?.first?["rate"] is Int ? repair.map { RepairAnswer($0) } : nil
      }
      #expect(repair.counts == [1, 1, 0])
      let task = try #require(repair.tasks.first)
      #expect(task["key"] as? String == "first" && task["state"] as? String == "running")
      #expect(task["worker"] as? String == "w" && task["attempts"] as? Int == 1)
      let (rate, left) = (try #require(task["rate"] as? Int), try #require(task["eta_seconds"] as? Int))
      #expect(rate > 0 && left == (2 << 30) / rate)
      let waiting = try #require(repair.tasks.last)
      #expect(waiting["state"] as? String == "waiting" && waiting["rate"] is NSNull)
      await catalog.close()
    }

    private struct RepairAnswer {
      let counts: [Int?]
      let tasks: [[String: Any]]

      init(_ json: [String: Any]) {
        counts = ["running", "waiting", "retrying"].map { json[$0] as? Int }
        tasks = json["tasks"] as? [[String: Any]] ?? []
      }
    }

    @Test func exitCodesTellWhoIsWrong() async throws {
      let server = try await CairnProcess.server()
      let address = "http://127.0.0.1:\(server.port)"
      let status = try await CairnProcess.run(["status", "--server", address, "--json"])
      #expect(status.exitCode == 0)
      let json = try JSONSerialization.jsonObject(with: Data(status.output.utf8)) as? [String: Any]
      #expect(json?.keys.sorted() == ["nodes", "repair", "volumes"])
      let id = try #require(((json?["nodes"] as? [[String: Any]])?.first)?["node_id"] as? String)
      let refused = try await CairnProcess.run(["drain", id, "--server", address])
      #expect(refused.exitCode == 1)
      #expect(refused.output.split(separator: "\n").count == 1, "\(refused.output)")
      try await server.stopInOrder()
      let unreachable = try await CairnProcess.run(["nodes", "--server", address])
      #expect(unreachable.exitCode == 5)
      #expect(
        unreachable.output
          == "cairn: cannot connect to 127.0.0.1:\(server.port): Connection refused. Start a server or coordinator there, or name another one with --server or CAIRN_SERVER\n"
      )
      #expect(try await CairnProcess.run(["nodes", "--server", "nonsense"]).exitCode == 64)
      #expect(try await CairnProcess.run(["drain", "no-id", "--server", address]).exitCode == 64)
    }

    @Test func pathsBelowNodesAreChecked() async throws {
      let cluster = try await Cluster(nodes: 1)
      let curl = try cluster.curl()
      #expect(try await curl("/nodes/x").status == 404)
      #expect(try await curl("/nodes/x/drain", "-X", "POST").status == 404)
      #expect(try await curl("/nodes/x/drain").status == 405)
      #expect(try await curl("/status", "-X", "DELETE").status == 405)
    }
  }
}
