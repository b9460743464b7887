import CairnTestSupport
import Foundation
import Synchronization
import Testing

extension ClusterSuite {
  /// What goes wrong in one part of a cluster costs the rest nothing. Short in `make test`; `make chaos` gives each
  /// `CAIRN_CHAOS_SECONDS`.
  @Suite struct AvailabilityTests {
    private static let seconds = Environment.variable("CAIRN_CHAOS_SECONDS").flatMap { Int($0) }

    /// Clients that leave in the middle of uploads and downloads say nothing about nodes.
    @Test func clientsThatLeaveHarmNobody() async throws {
      let cluster = try await Cluster(["REPLICATION_FACTOR": "3", "MIN_REPLICAS": "3"])
      let seed = SeededRandom(for: "leaving clients").seed
      // For a minute after its start a coordinator does not decide about writes that overtook each other.
      let load = ChaosLoad(seed: seed, ports: cluster.coordinators.map(\.port), isContended: false)
      try await load.work(clients: 4, leaving: 16) { try await Task.sleep(for: .seconds(Self.seconds ?? 10)) }
      try await load.readAll()
      let counts = load.counts
      print("leaving clients: \(counts.acknowledged) writes and \(counts.read) reads beside them")
      let refusals = cluster.coordinators[0].log.split(separator: "\n").filter { $0.contains("\"request refused\"") }
      #expect(counts.unknown + counts.unread + counts.unconnected == 0, "\(counts): \(refusals.prefix(5))")
      #expect(load.problems + load.history.problems() == [])
      expectNobodySuspected(cluster.coordinators[0])
    }

    /// One node comes back while another one dies, and an upload that began before needs the one that came back.
    @Test func anUploadGoesOnWithANodeThatCameBack() async throws {
      let cluster = try await Cluster(["REPLICATION_FACTOR": "2"])
      let coordinator = cluster.coordinators[0]
      var random = SeededRandom(for: "returning node")
      let clock = ContinuousClock()
      let end = clock.now + .seconds(Self.seconds ?? 5)
      var rounds = 0
      repeat {
        rounds += 1
        let nodes = cluster.nodes.shuffled(using: &random)
        let pause = Duration.milliseconds(Int.random(in: 0...1000, using: &random))
        try await nodes[0].kill()
        try await cluster.waitUntilActive(2)
        let content = RandomBytes.slice(from: Int.random(in: 0..<1 << 20, using: &random), count: 10 << 20)
        let (port, name) = (coordinator.port, "\(rounds)")
        let (isBegun, mayEnd) = (Flag(), Flag())
        async let answer = BlockingThreads.run {
          let client = try WireClient(port: port, patience: 60)
          let head = "PUT /blob/\(name) HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: \(content.count)\r\n\r\n"
          try client.send(Array(head.utf8)[...])
          try client.send(content.prefix(9 << 20))
          isBegun.set()
          while !mayEnd.isSet { usleep(2000) }
          try client.send(content.dropFirst(9 << 20))
          return try client.readAnswer()
        }
        try await eventually("the upload has begun") { isBegun.isSet }
        if Bool.random(using: &random) {
          try await nodes[0].restart()
          try await Task.sleep(for: pause)
          try await nodes[1].kill()
        } else {
          try await nodes[1].kill()
          try await Task.sleep(for: pause)
          try await nodes[0].restart()
        }
        mayEnd.set()
        let (status, text) = (try await answer.status, try await String(decoding: answer.body, as: UTF8.self))
        #expect(status == 201, "round \(rounds), seed \(random.seed): \(text)")
        try await nodes[1].restart()
        try await cluster.waitUntilActive(3)
        let read = try await BlockingThreads.run { try WireClient(port: port).request("GET", "/blob/\(name)") }
        #expect(read.status == 200 && read.body.elementsEqual(content), "round \(rounds), seed \(random.seed)")
      } while clock.now < end
      print("returning node: \(rounds) rounds")
    }

    /// The coordinator sends three times what it receives, all over one line.
    @Test(.enabled(if: ChaosNetwork.isAllowed, "needs network namespaces"))
    func aSlowLineIsNoDeadNode() async throws {
      let cluster = try await NetworkedCluster(["REPLICATION_FACTOR": "3", "NODE_WRITE_DEADLINE": "2"])
      try await cluster.network.limit(NetworkedCluster.coordinatorMachine, megabits: 100)
      let port = cluster.coordinator.port
      let size = (Self.seconds == nil ? 4 : 20) << 20
      let isOver = Flag()
      let start = ContinuousClock.now
      try await withThrowingTaskGroup(of: Void.self) { group in
        let large = (0..<8).map { number in
          Task {
            try await BlockingThreads.run {
              try WireClient(port: port, patience: 300)
                .request("PUT", "/blob/large-\(number)", body: RandomBytes.slice(from: number, count: size))
            }
          }
        }
        for client in 0..<4 {
          group.addTask {
            try await BlockingThreads.run {
              let connection = try WireClient(port: port, patience: 60)
              var count = 0
              while !isOver.isSet {
                let answer = try connection.request("PUT", "/blob/small-\(client)-\(count)", body: [1, 2, 3])
                let text = String(decoding: answer.body, as: UTF8.self)
                #expect(answer.status == 201, "\(text)")
                count += 1
              }
              print("slow line: \(count) small uploads of client \(client) beside the large ones")
            }
          }
        }
        for upload in large {
          let answer = try await upload.value
          #expect(answer.status == 201, "\(String(decoding: answer.body, as: UTF8.self))")
        }
        isOver.set()
        try await group.waitForAll()
      }
      print("slow line: 8 uploads of \(size >> 20) MiB in \(ContinuousClock.now - start)")
      expectNobodySuspected(cluster.coordinator)
    }

    /// The node's heartbeats reach Redis, but packets between it and the coordinator are dropped silently.
    @Test(.enabled(if: ChaosNetwork.isAllowed, "needs network namespaces"))
    func aNodeOutOfReachCostsTheRestLittle() async throws {
      let cluster = try await NetworkedCluster(["REPLICATION_FACTOR": "2", "NODE_WRITE_DEADLINE": "1"])
      let (coordinator, node) = (NetworkedCluster.coordinatorMachine, NetworkedCluster.nodeMachines.lowerBound)
      let length = Duration.seconds(Self.seconds.map { $0 / 4 } ?? 2)
      let before = try await cluster.writesPerSecond(for: length)
      try await cluster.network.part(coordinator, from: node)
      // Until the first request has found out.
      _ = try await cluster.writesPerSecond(for: .seconds(2))
      try await cluster.waitUntilActive(2)
      let during = try await cluster.writesPerSecond(for: length)
      try await cluster.network.join(coordinator, with: node)
      try await cluster.waitUntilActive(3)
      let after = try await cluster.writesPerSecond(for: length)
      let ratio = during / max(before, after)
      print("out of reach: \(Int(before)), \(Int(during)), \(Int(after)) writes a second: \(ratio)")
      #expect(during > 0)
      if Self.seconds != nil { #expect(ratio > 0.8) }
    }

    private func expectNobodySuspected(
      _ coordinator: CairnProcess, sourceLocation: SourceLocation = #_sourceLocation
    ) {
      let lines = coordinator.log.split(separator: "\n").filter { $0.contains("\"node suspected\"") }
      #expect(lines.isEmpty, "\(lines.prefix(5))", sourceLocation: sourceLocation)
    }
  }
}
