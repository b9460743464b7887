import CairnTestSupport
import Foundation
import Testing

extension ClusterSuite {
  /// Two coordinators, three nodes.
  @Suite struct PlacementTests {
    @Test func uploadsSpreadOverTheNodesAndEachCoordinatorSeesAll() async throws {
      let cluster = try await Cluster(coordinators: 2)
      let file = cluster.redis.logPath + ".file"
      var placed: [String: Int] = [:]
      for number in 0..<60 {
        let length = number % 10 == 0 ? (8 << 20) + number : number * 100
        try RandomBytes.writeFile(file, count: length, from: number)
        let answer = try await cluster.curl(number % 2)("/blob/\(number)", "-T", file)
        #expect(answer.status == 201, "\(answer.text)")
        for node in answer.metadata["stored_nodes"] as? [String] ?? [] { placed[node, default: 0] += 1 }
        // The other coordinator has it at once.
        let read = try await cluster.curl(1 - number % 2)("/blob/\(number)")
        expectSame(read.body, FileManager.default.contents(atPath: file), "\(number)")
      }
      var ids: Set<String> = []
      for node in cluster.nodes { ids.insert(try await cluster.id(of: node)) }
      #expect(Set(placed.keys) == ids, "\(placed)")
      #expect(try await cluster.curl(0).names() == cluster.curl(1).names())
      #expect(try await cluster.curl(0).names().count == 60)
      #expect(try await cluster.curl(1)("/blob/7", "-X", "DELETE").status == 204)
      #expect(try await cluster.curl(0)("/blob/7").status == 404)
      #expect(try await cluster.curl(0).put("8", "new").status == 200)
      #expect(try await cluster.curl(1)("/blob/8").text == "new")

      let nodes = try await cluster.curl()("/nodes").json
      let active = try #require(nodes["active_nodes"] as? [[String: Any]])
      #expect(Set(active.compactMap { $0["listen_port"] as? Int }) == Set(cluster.nodes.map(\.port)))
      #expect(Set(active.compactMap { $0["storage_dir"] as? String }) == Set(cluster.nodes.map(\.storagePath)))
      for process in cluster.coordinators + cluster.nodes { try await process.stopInOrder() }
      for node in cluster.nodes { try expectFewEntriesPerDirectory(node.storagePath) }
    }

    @Test func coordinatorsAndNodesComeInAnyOrder() async throws {
      let cluster = try await Cluster(coordinators: 1, nodes: 0)
      let curl = try cluster.curl()
      let none = try await curl.put("a", "x")
      #expect(none.status == 503)
      #expect(none.detail == "No storage nodes available")
      #expect(none.headers["retry-after"] != nil)
      let form = try await curl("/upload", "-F", "file=@/dev/null;filename=a")
      #expect(form.status == 503)
      #expect(form.detail == "No storage nodes available")
      let ready = try await curl("/ready")
      #expect(ready.status == 503)
      #expect(ready.detail?.hasPrefix("No storage nodes available") == true, "\(ready.text)")
      #expect(try await curl("/health").status == 200)

      let node = try await CairnProcess(.node, cluster.settings)
      try await cluster.waitUntilActive(1)
      try await eventually("ready") { try await curl("/ready").status == 200 }
      #expect(try await curl.put("a", "x").status == 201)
      #expect(try await node.curl()("/ready").status == 200)
      // A node that takes its leave is gone at once, not after the time-out.
      try await node.stopInOrder()
      try await eventually("the node is gone", within: .seconds(2)) { try await curl("/ready").status == 503 }
      let status = try await curl("/blob/a/status").json
      #expect(status["status"] as? String == "degraded")
      #expect(try await curl("/blob/a").status == 503)
      try await node.restart(samePort: false)
      try await cluster.waitUntilActive(1)
      #expect(try await curl("/blob/a").text == "x")
    }
  }
}
