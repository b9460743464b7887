import CairnTestSupport
import Foundation
import Testing

extension ClusterSuite {
  /// The cluster makes good what it lost, without being told.
  @Suite struct RepairTests {
    private static let settings = [
      "REPLICATION_FACTOR": "2", "REPAIR_DELAY": "2", "NODE_TIMEOUT": "1", "NODE_WRITE_DEADLINE": "1",
    ]

    private func upload(_ count: Int, to cluster: Cluster) async throws -> [(name: String, content: Content)] {
      let port = cluster.coordinators[0].port
      return try await BlockingThreads.run {
        var random = SeededRandom(seed: 11)
        let connection = try WireClient(port: port)
        return try (0..<count).map { index in
          let content = Content.random(using: &random)
          let answer = try connection.request("PUT", "/blob/file-\(index)", body: content.bytes)
          #expect(answer.status == 201)
          return ("file-\(index)", content)
        }
      }
    }

    private func expectAll(_ stored: [(name: String, content: Content)], in cluster: Cluster) async throws {
      let port = cluster.coordinators[0].port
      try await BlockingThreads.run {
        let connection = try WireClient(port: port)
        for (name, content) in stored {
          let answer = try connection.request("GET", "/blob/\(name)")
          let isSame = content.isSame(as: answer.body)
          #expect(answer.status == 200 && isSame, "\(name): status \(answer.status)")
        }
      }
    }

    /// Waits until every file says that all its replicas are there.
    private func waitUntilComplete(_ stored: [(name: String, content: Content)], in cluster: Cluster) async throws {
      let curl = try cluster.curl()
      for (name, _) in stored {
        try await eventually("\(name) is complete", within: .seconds(60)) {
          try await curl("/blob/\(name)/status").json["status"] as? String == "completed"
        }
      }
    }

    /// Then another node dies: what was healed is all there is.
    @Test func theReplicasOfADeadNodeAreMadeElsewhere() async throws {
      var cluster = try await Cluster(nodes: 3, Self.settings)
      let stored = try await upload(60, to: cluster)
      let dead = cluster.nodes.removeFirst()
      let id = try await cluster.id(of: dead)
      try await dead.kill()
      try await cluster.waitUntilActive(2)
      try await waitUntilComplete(stored, in: cluster)
      let status = try await cluster.curl()("/blob/file-0/status").json
      #expect((status["successful_nodes"] as? [String])?.contains(id) == false)
      try await cluster.nodes[0].kill()
      try await expectAll(stored, in: cluster)
    }

    @Test func aNodeThatWasLostAndJoinsANewOneHealsAll() async throws {
      var cluster = try await Cluster(nodes: 2, Self.settings)
      let stored = try await upload(30, to: cluster)
      try await cluster.nodes.removeFirst().kill()
      try await cluster.waitUntilActive(1)
      cluster.nodes.append(try await CairnProcess(.node, cluster.settings))
      try await waitUntilComplete(stored, in: cluster)
      try await cluster.nodes[0].kill()
      try await expectAll(stored, in: cluster)
    }
  }
}
