import CairnTestSupport
import Foundation
import Testing

extension ClusterSuite {
  /// Nodes die, move, and pretend to be others.
  @Suite struct NodeFailureTests {
    @Test func uploadsGoOnWhileNodesAreKilled() async throws {
      let cluster = try await Cluster(coordinators: 2)
      let ports = cluster.coordinators.map(\.port)
      let over = Flag()
      let stored = try await withThrowingTaskGroup(of: [String: Content].self) { group in
        for client in 0..<8 {
          group.addTask {
            try await BlockingThreads.run {
              var random = SeededRandom(seed: UInt64(client))
              var stored: [String: Content] = [:]
              let connection = try WireClient(port: ports[client % 2])
              while !over.isSet {
                let content = Content.random(using: &random)
                let name = "\(client)-\(stored.count)"
                let answer = try connection.request("PUT", "/blob/\(name)", body: content.bytes)
                let detail = String(decoding: answer.body, as: UTF8.self)
                #expect(answer.status == 201, "\(name), \(content): \(detail)")
                stored[name] = content
              }
              return stored
            }
          }
        }
        // One after the other, so that there is always a node that takes the uploads.
        for node in cluster.nodes {
          try await Task.sleep(for: .milliseconds(700))
          try await node.kill()
          try await Task.sleep(for: .milliseconds(700))
          try await node.restart(samePort: false)
          try await cluster.waitUntilActive(3)
        }
        over.set()
        return try await group.reduce(into: [:]) { $0.merge($1) { $1 } }
      }
      print("node failure test: \(stored.count) uploads while three nodes were killed")
      #expect(stored.count > 30)
      try await BlockingThreads.run {
        let connection = try WireClient(port: ports[0])
        for (name, content) in stored {
          let answer = try connection.request("GET", "/blob/\(name)")
          let isSame = content.isSame(as: answer.body)
          #expect(answer.status == 200 && isSame, "\(name)")
        }
      }
    }

    @Test func aNodeThatMovedIsTheSameNode() async throws {
      let cluster = try await Cluster(nodes: 1)
      let (curl, node) = (try cluster.curl(), cluster.nodes[0])
      let id = try await cluster.id(of: node)
      #expect(try await curl.put("a", "before").status == 201)
      let port = node.port
      try await node.kill()
      try await node.restart(samePort: false)
      #expect(node.port != port)
      #expect(try await cluster.id(of: node) == id)
      try await eventually("the new address is known") { try await curl("/blob/a").text == "before" }
      try await eventually("uploads go to the new address") { try await curl.put("b", "after").status < 300 }
      let nodes = try await curl("/nodes").json
      #expect((nodes["active_nodes"] as? [[String: Any]])?.compactMap { $0["listen_port"] as? Int } == [node.port])
      #expect((nodes["inactive_nodes"] as? [[String: Any]])?.count == 0)
    }

    @Test func aCopyOfALivingNodeRefusesToStart() async throws {
      let cluster = try await Cluster(nodes: 1)
      let node = cluster.nodes[0]
      let copy = try TemporaryFolder("copy")
      try FileManager.default.createDirectory(atPath: copy.path + "/data", withIntermediateDirectories: true)
      try FileManager.default.copyItem(atPath: node.storagePath + "/node.json", toPath: copy.path + "/data/node.json")
      let result = try await CairnProcess.run(
        ["node"], cluster.settings.merging(["PORT": "0", "BASE_STORAGE_PATH": copy.path + "/data"]) { $1 })
      #expect(result.exitCode == 1)
      #expect(result.output.contains("is already running at 127.0.0.1:\(node.port)"), "\(result.output)")
      // The first one stays what it is.
      #expect(try await cluster.curl().put("a", "x").status == 201)
      #expect(try await cluster.curl()("/nodes").json["active_nodes_count"] as? Int == 1)
    }

    @Test func theHeartbeatOfADeadNodeAgesOut() async throws {
      let cluster = try await Cluster(nodes: 2)
      try await cluster.nodes[0].kill()
      try await cluster.waitUntilActive(1)
      let nodes = try await cluster.curl()("/nodes").json
      let inactive = try #require(nodes["inactive_nodes"] as? [[String: Any]])
      #expect(inactive.compactMap { $0["storage_dir"] as? String } == [cluster.nodes[0].storagePath])
      #expect(inactive.first?["status"] as? String == "inactive")
      #expect((inactive.first?["last_heartbeat"] as? String)?.isEmpty == false)
    }

    /// Redis hears the node five times a second, and the coordinator can't reach it: its connections are taken and
    /// nothing comes back, so each request that goes there costs the whole deadline.
    @Test func aNodeThatCoordinatorsCannotReachCostsOneRequest() async throws {
      let cluster = try await Cluster(["ADVERTISE_HOST": CutProxy.host, "NODE_WRITE_DEADLINE": "1"])
      var proxies: [CutProxy] = []
      for node in cluster.nodes { proxies.append(try await CutProxy(port: node.port)) }
      let curl = try cluster.curl()
      let id = try await cluster.id(of: cluster.nodes[0])
      for index in 0..<30 { #expect(try await curl.put("before-\(index)", "x").status == 201) }
      proxies[0].silence()
      var slow = 0
      let clock = ContinuousClock()
      let end = clock.now + .seconds(5)
      var count = 0
      while clock.now < end {
        let start = clock.now
        #expect(try await curl.put("file-\(count)", "content").status == 201)
        if clock.now - start > .milliseconds(900) { slow += 1 }
        count += 1
      }
      #expect(slow <= 1, "\(slow) of \(count) uploads waited for the node")
      let nodes = try await curl("/nodes").json
      let inactive = try #require((nodes["inactive_nodes"] as? [[String: Any]])?.first)
      #expect(inactive["node_id"] as? String == id)
      #expect((inactive["detail"] as? String)?.starts(with: "not reachable from here: ") == true)
      #expect(try await curl("/ready").status == 200)
      try await proxies[0].heal()
      try await cluster.waitUntilActive(3)
      #expect(cluster.coordinators[0].log.contains("node reached again"))
    }

    @Test func aStrangerAtTheAddressOfANodeIsNotTrusted() async throws {
      // Heartbeats so rare that the coordinator must find out by itself.
      let cluster = try await Cluster(nodes: 1, ["NODE_HEARTBEAT_INTERVAL": "20", "NODE_TIMEOUT": "60"])
      let (curl, node) = (try cluster.curl(), cluster.nodes[0])
      #expect(try await curl.put("a", "mine").status == 201)
      let port = node.port
      let id = try await cluster.id(of: node)
      try await node.kill()
      // Another node, of another cluster, takes the port.
      let redis = try await RedisServer()
      let stranger = try await CairnProcess(
        .node, cluster.settings.merging(["REDIS_PORT": "\(redis.port)", "PORT": "\(port)"]) { $1 })
      #expect(stranger.port == port)
      let direct = try await stranger.curl()("/volumes/0000000000000001", "-X", "PUT", "-H", "X-Cairn-Node: \(id)")
      #expect(direct.status == 421)
      let read = try await curl("/blob/a")
      #expect(read.status >= 500, "\(read.status) \(read.text)")
      #expect(read.text.contains("mine") == false)
      #expect(try await curl.put("b", "x").status == 503)
      #expect(try await cluster.id(of: stranger) != id)
      let volumes = FileManager.default.subpaths(atPath: stranger.storagePath)?.filter { $0.hasSuffix(".log") }
      #expect(volumes == [], "the stranger got none of our data")
      try await node.restart(samePort: false)
      try await eventually("the node is found at its new address") { try await curl("/blob/a").text == "mine" }
    }
  }
}
