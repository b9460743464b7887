import CairnTestSupport
import Foundation
import Glibc
import Testing

extension ClusterSuite {
  /// Two copies of everything on three nodes, of which any one may be away.
  @Suite struct ReplicationTests {
    /// Each node dies in turn, without a warning, while clients write and read all that was written.
    @Test func uploadsAndDownloadsGoOnWhileAnyNodeIsKilled() async throws {
      let cluster = try await Cluster(coordinators: 2, ["REPLICATION_FACTOR": "2"])
      let ports = cluster.coordinators.map(\.port)
      let over = Flag()
      let counts = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
        for client in 0..<6 {
          group.addTask {
            try await BlockingThreads.run { try Self.writeAndRead(client, port: ports[client % 2], until: over) }
          }
        }
        for node in cluster.nodes {
          try await Task.sleep(for: .milliseconds(500))
          try await node.kill()
          try await Task.sleep(for: .milliseconds(800))
          try await node.restart(samePort: false)
          try await cluster.waitUntilActive(3)
        }
        over.set()
        return try await group.reduce(into: (0, 0)) {
          $0.0 += $1.0
          $0.1 += $1.1
        }
      }
      print("replication test: \(counts.0) uploads and \(counts.1) downloads while three nodes were killed")
      #expect(counts.0 > 20 && counts.1 > 20)
    }

    private static func writeAndRead(_ client: Int, port: Int, until over: Flag) throws -> (Int, Int) {
      var random = SeededRandom(seed: UInt64(client))
      var stored: [(name: String, content: Content)] = []
      var reads = 0
      let connection = try WireClient(port: port)
      while !over.isSet {
        let content = Content.random(using: &random)
        let name = "\(client)-\(stored.count)"
        let answer = try connection.request("PUT", "/blob/\(name)", body: content.bytes)
        #expect(answer.status == 201, "\(name): \(String(decoding: answer.body, as: UTF8.self))")
        stored.append((name, content))
        let earlier = stored[Int.random(in: stored.indices, using: &random)]
        let read = try connection.request("GET", "/blob/\(earlier.name)")
        let isSame = earlier.content.isSame(as: read.body)
        let reason = read.status == 200 ? "" : String(decoding: read.body, as: UTF8.self)
        #expect(read.status == 200 && isSame, "\(earlier.name): status \(read.status) \(reason)")
        reads += 1
      }
      return (stored.count, reads)
    }

    /// A node stops in the middle of a large download: its client gets the rest from the other replica.
    @Test func aDownloadGoesOnWhenItsNodeIsPausedAndKilled() async throws {
      let cluster = try await Cluster(nodes: 2, ["REPLICATION_FACTOR": "2", "NODE_WRITE_DEADLINE": "1"])
      let content = Content(offset: 5, count: 30 << 20)
      let curl = try cluster.curl()
      let file = try TemporaryFolder("replication")
      try Data(content.bytes).write(to: URL(filePath: file.path + "/up"))
      #expect(try await curl("/blob/large", "--upload-file", file.path + "/up").status == 201)
      for (index, node) in cluster.nodes.enumerated() {
        async let download = curl("/blob/large", "--limit-rate", "20M")
        try await Task.sleep(for: .milliseconds(300))
        if index == 0 { node.signal(SIGSTOP) } else { try await node.kill() }
        let answer = try await download
        #expect(answer.exitCode == 0)
        #expect(content.isSame(as: Array(answer.body)))
        if index == 0 { node.signal(SIGCONT) }
        try await cluster.waitUntilActive(index == 0 ? 2 : 1)
      }
    }

    @Test func tooFewNodesAreRefusedUnlessAllowed() async throws {
      let cluster = try await Cluster(nodes: 2, ["REPLICATION_FACTOR": "2", "NODE_TIMEOUT": "1"])
      let curl = try cluster.curl()
      #expect(try await curl.put("a", "x").status == 201)
      try await cluster.nodes[0].kill()
      try await cluster.waitUntilActive(1)
      let refused = try await curl.put("b", "x")
      #expect(refused.status == 503)
      let reason = "A write needs 2 replicas (MIN_REPLICAS), and 1 storage nodes take data now"
      #expect(refused.text.contains(reason))
      let ready = try await curl("/ready")
      #expect(ready.status == 503)
      #expect(ready.detail == "Uploads are refused: \(reason)")
      let one = try await curl.put("c", "x", "--header", "X-Cairn-Replicas: 1")
      #expect(one.status == 201)
      #expect(try await curl.put("c", "x", "--header", "X-Cairn-Replicas: 0").status == 400)
    }

    /// The commonest set-up: three nodes, three copies. One node may be away, the answers say what that costs, and
    /// the third copies are made as soon as it is back: not only when a plan finds them.
    @Test func oneDeadNodeOfThreeTakesNoWriteAway() async throws {
      let cluster = try await Cluster(["REPLICATION_FACTOR": "3"])
      let curl = try cluster.curl()
      #expect(try await curl.put("before", "x").metadata["upload_status"] as? String == "completed")
      try await cluster.nodes[0].kill()
      for index in 0..<20 {
        let answer = try await curl.put("file-\(index)", "content \(index)")
        #expect(answer.status == 201)
        #expect(answer.metadata["upload_status"] as? String == "degraded")
      }
      try await cluster.waitUntilActive(2)
      #expect(try await curl("/blob/file-0/status").json["status"] as? String == "degraded")
      try await cluster.nodes[0].restart(samePort: false)
      try await cluster.waitUntilActive(3)
      try await eventually("all have three copies", within: .seconds(8)) {
        for index in 0..<20 {
          let status = try await curl("/blob/file-\(index)/status").json
          guard status["status"] as? String == "completed", (status["successful_nodes"] as? [String])?.count == 3
          else { return false }
        }
        return true
      }
      // The new copy is as good as the others.
      try await cluster.nodes[1].kill()
      try await cluster.nodes[2].kill()
      for index in 0..<20 { #expect(try await curl("/blob/file-\(index)").text == "content \(index)") }
    }

    @Test func aLoweredMinimumIsToldAsDegraded() async throws {
      let cluster = try await Cluster(
        nodes: 2, ["REPLICATION_FACTOR": "2", "MIN_REPLICAS": "1", "NODE_TIMEOUT": "1"])
      let curl = try cluster.curl()
      try await cluster.nodes[0].kill()
      try await cluster.waitUntilActive(1)
      let answer = try await curl.put("b", "x")
      #expect(answer.status == 201)
      #expect(answer.metadata["upload_status"] as? String == "degraded")
      #expect(try await curl("/blob/b/status").json["status"] as? String == "degraded")
    }
  }
}
