import CairnTestSupport
import Foundation
import Testing

extension ClusterSuite {
  /// `cairn server --peers`: equal machines over one Redis.
  @Suite struct PeerTests {
    /// Three machines that see each other, with two copies of everything.
    private func peers(_ changes: [String: String] = [:]) async throws -> Cluster {
      var cluster = try await Cluster(
        coordinators: 0, nodes: 0,
        ["PEERS": "1", "NODE_PORT": "0", "REPLICATION_FACTOR": "2"].merging(changes) { $1 })
      for _ in 0..<3 { cluster.coordinators.append(try await CairnProcess(.server, cluster.settings)) }
      try await cluster.waitUntilActive(3)
      return cluster
    }

    private func upload(_ path: String, as name: String, _ curl: Curl) async throws -> String {
      let answer = try await curl("/upload", "-F", "file=@\(path);filename=\(name)")
      try #require(answer.status == 200, "\(name): \(answer.status) \(answer.text)")
      return try #require(answer.metadata["blob_id"] as? String)
    }

    private func expectReadable(_ names: [String: Data], through curl: Curl) async throws {
      for (name, content) in names {
        let answer = try await curl("/blob/\(name)")
        expectSame(answer.body, content, "\(name) from \(curl.port), \(answer.status)")
      }
    }

    @Test func anyMachineTakesAnyRequest() async throws {
      let cluster = try await peers(["CLUSTER_SECRET": TestSecret.cluster])
      let curls = try (0..<3).map(cluster.curl)
      let file = cluster.redis.logPath + ".file"
      for (length, name) in [(1000, "small"), (40 << 20, "large")] {
        try RandomBytes.writeFile(file, count: length, from: length)
        let content = FileManager.default.contents(atPath: file)
        let id = try await upload(file, as: name, curls[0])
        for curl in curls {
          for path in [name, id] { expectSame(try await curl("/blob/\(path)").body, content, "\(path), \(curl.port)") }
        }
      }
      // Each chunk goes where the ring has its volume.
      let status = try await curls[1]("/blob/large/status").json
      #expect((status["successful_nodes"] as? [String])?.count == 3, "\(status)")
      #expect(try await curls[2]("/blob/small", "-X", "DELETE").status == 204)
      #expect(try await curls[0]("/blob/small").status == 404)
      for machine in cluster.coordinators { try await machine.stopInOrder() }
    }

    @Test func theDeathOfAMachineIsBorne() async throws {
      let cluster = try await peers()
      let curls = try (0..<3).map(cluster.curl)
      let file = cluster.redis.logPath + ".file"
      var contents: [String: Data] = [:]
      for number in 0..<12 {
        let name = "file-\(number)"
        try RandomBytes.writeFile(file, count: number == 0 ? 20 << 20 : number * 3000, from: number)
        _ = try await upload(file, as: name, curls[number % 3])
        contents[name] = FileManager.default.contents(atPath: file)
      }
      let victim = cluster.coordinators[1]
      let port = victim.port
      let nodePort = try #require(try await nodePorts(curls[0])[victim.storagePath])
      try await victim.kill()
      for curl in [curls[0], curls[2]] {
        try await expectReadable(contents, through: curl)
        let name = "after-\(curl.port)"
        #expect(try await curl.put(name, "written while one is dead").status == 201)
        contents[name] = Data("written while one is dead".utf8)
      }
      try await victim.restart(samePort: false)
      #expect(victim.port != port)
      try await cluster.waitUntilActive(3)
      #expect(try await nodePorts(curls[0])[victim.storagePath] != nodePort)
      try await expectReadable(contents, through: try victim.curl())
      // What has its other copy on this one must now come from the machine that moved.
      try await cluster.coordinators[0].kill()
      try await expectReadable(contents, through: curls[2])
    }

    @Test func aMachineReachesItsOwnNodeWithoutTheNetwork() async throws {
      var cluster = try await Cluster(coordinators: 0, nodes: 0)
      // An address of a network that there is not.
      cluster.coordinators.append(
        try await CairnProcess(
          .server, cluster.settings.merging(["PEERS": "1", "NODE_PORT": "0", "ADVERTISE_HOST": "192.0.2.1"]) { $1 }))
      try await cluster.waitUntilActive(1)
      #expect(try await cluster.curl().put("a", "at home").status == 201)
      #expect(try await cluster.curl()("/blob/a").text == "at home")
    }

    @Test func anEmptiedCatalogIsRecoveredFromAllMachines() async throws {
      let cluster = try await peers(["CLUSTER_SECRET": TestSecret.cluster, "REPLICATION_FACTOR": "1"])
      let curls = try (0..<3).map(cluster.curl)
      var contents: [String: Data] = [:]
      for number in 0..<12 {
        contents["\(number)"] = Data("file \(number)".utf8)
        #expect(try await curls[number % 3].put("\(number)", "file \(number)").status == 201)
      }
      try cluster.redis.command("FLUSHALL")
      for curl in curls {
        try await eventually("all names are back at \(curl.port)") {
          let blobs = try await curl("/blobs").json["blobs"] as? [[String: Any]]
          return Set((blobs ?? []).compactMap { $0["name"] as? String }) == Set(contents.keys)
        }
        try await expectReadable(contents, through: curl)
      }
    }

    @Test func aCopyOfALivingMachineRefusesToStart() async throws {
      let cluster = try await peers()
      let machine = cluster.coordinators[0]
      let copy = try TemporaryFolder("copy")
      try FileManager.default.createDirectory(atPath: copy.path + "/data", withIntermediateDirectories: true)
      try FileManager.default.copyItem(
        atPath: machine.storagePath + "/node.json", toPath: copy.path + "/data/node.json")
      let result = try await CairnProcess.run(
        ["server"], cluster.settings.merging(["PORT": "0", "BASE_STORAGE_PATH": copy.path + "/data"]) { $1 })
      #expect(result.exitCode == 1)
      #expect(result.output.contains("is already running at 127.0.0.1:"), "\(result.output)")
    }

    /// The ports of the storage nodes by their directories.
    private func nodePorts(_ curl: Curl) async throws -> [String: Int] {
      let nodes = try #require(try await curl("/nodes").json["active_nodes"] as? [[String: Any]])
      var ports: [String: Int] = [:]
      for node in nodes {
        if let path = node["storage_dir"] as? String { ports[path] = node["listen_port"] as? Int }
      }
      return ports
    }
  }
}
