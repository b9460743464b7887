import CairnTestSupport
import Foundation
import Testing

extension ClusterSuite {
  /// Only members of the cluster may talk to nodes.
  @Suite struct SecretTests {
    @Test func nodesRefuseRequestsWithoutAValidToken() async throws {
      let cluster = try await Cluster(nodes: 1, ["CLUSTER_SECRET": TestSecret.cluster])
      let node = cluster.nodes[0]
      #expect(try await cluster.curl().put("a", "x").status == 201)
      #expect(try await cluster.curl()("/blob/a").text == "x")
      let id = try await cluster.id(of: node)
      let now = Int(Date().timeIntervalSince1970)
      let digits = String(repeating: "0", count: 64)
      for token in [nil, "", "Cairn", "Cairn \(now):\(digits)", "Cairn \(now)", "Bearer x"] {
        for (method, path) in [
          ("PUT", "/volumes/0000000000000001"), ("POST", "/volumes/0000000000000001/seal"),
          ("GET", "/volumes/0000000000000001/blobs/\(String(repeating: "0", count: 32))"),
        ] {
          let answer = try await node.curl().run(
            path, ["-X", method, "-H", "X-Cairn-Node: \(id)"] + (token.map { ["-H", "Authorization: \($0)"] } ?? []))
          #expect(answer.status == 403, "\(method) \(path) with \(token ?? "no token")")
        }
      }
      // A coordinator with another secret gets nothing.
      let wrong = try await CairnProcess(
        .coordinator, cluster.settings.merging(["CLUSTER_SECRET": TestSecret.other]) { $1 })
      try await eventually("it sees the node") { try await wrong.curl()("/ready").status == 200 }
      #expect(try await wrong.curl()("/blob/a").text != "x")
      #expect(try await wrong.curl()("/blob/a").status >= 500)
      #expect(try await wrong.curl().put("b", "x").status >= 500)
      #expect(try await cluster.curl()("/blob/b").status == 404)
      for process in cluster.coordinators + cluster.nodes { #expect(!process.log.contains(TestSecret.cluster)) }
    }

    @Test func aGuessableSecretStopsTheStartAndAPrintedOneDoesNot() async throws {
      let folder = try TemporaryFolder("guessable")
      for role in ["server", "node", "coordinator", "replicator"] {
        let refused = try await CairnProcess.run(
          [role], ["CLUSTER_SECRET": "change-me", "PORT": "0", "BASE_STORAGE_PATH": folder.path + "/data"])
        #expect(refused.exitCode != 0)
        #expect(refused.output.contains("CLUSTER_SECRET has 9 characters"), "\(refused.output)")
        #expect(refused.output.contains("`cairn secret`") && !refused.output.contains("change-me"))
      }
      let printed = try await CairnProcess.run(["secret"]).output.split(separator: "\n")
      #expect(printed.count == 1 && printed.first?.count == 64)
      let shown = try await CairnProcess.run(["config", "node"], ["CLUSTER_SECRET": String(printed.first ?? "")])
      #expect(shown.exitCode == 0 && shown.output.contains(/(?m)^CLUSTER_SECRET +\*{8} +\(environment\)$/))
    }

    @Test func anOpenAddressNeedsASecret() async throws {
      let redis = try await RedisServer.shared()
      let folder = try TemporaryFolder("open")
      let settings = [
        "HOST": "0.0.0.0", "PORT": "0", "REDIS_HOST": "127.0.0.1", "REDIS_PORT": "\(redis.port)",
        "BASE_STORAGE_PATH": folder.path + "/data",
      ]
      let refused = try await CairnProcess.run(["node"], settings)
      #expect(refused.exitCode != 0)
      #expect(refused.output.contains("CLUSTER_SECRET") && refused.output.contains("ALLOW_INSECURE_CLUSTER=1"))
      for change in [["ALLOW_INSECURE_CLUSTER": "1"], ["CLUSTER_SECRET": TestSecret.cluster]] {
        let node = try await CairnProcess(.node, settings.merging(change) { $1 })
        #expect(try await node.curl()("/health").status == 200)
        try await node.stopInOrder()
      }
    }
  }
}
