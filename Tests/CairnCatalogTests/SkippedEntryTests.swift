import CairnCatalog
import CairnModel
import CairnTestSupport
import Logging
import Testing

/// What somebody else wrote into Redis, or what a bit has turned it into, costs the entry and nothing more.
@Suite struct SkippedEntryTests {
  /// Times that are no times, or none that a clock shows.
  static let times = ["9223372036854775808", "18446744073709551615", "18446744073709552", "-1", "soon", ""]

  private func withPoisonedRedis(
    _ body: (RedisCatalog, _ key: (String) -> String, RedisServer, LogRecorder) async throws -> Void
  ) async throws {
    let server = try await RedisServer.shared()
    let prefix = "poisoned-\(UInt64.random(in: .min ... .max))"
    let log = LogRecorder()
    try await withRedis(server, logger: log.logger, adjust: { $0.keyPrefix = prefix }) { catalog in
      try await body(catalog, { "\(prefix):{cluster}:\($0)" }, server, log)
    }
  }

  @Test(arguments: times) func aHeartbeatOfNonsenseIsSkippedAndReplaced(time: String) async throws {
    try await withPoisonedRedis { catalog, key, server, log in
      let (node, other) = (NodeID.make(), NodeID.make())
      for node in [node, other] {
        _ = try await catalog.heartbeat(report(node), timeout: .seconds(90), takeOver: false)
      }
      try server.command("HSET", key("heartbeats"), node.description, "12345678" + "0" + time)
      #expect(try await catalog.nodes().map(\.report.node) == [other])
      #expect(catalog.skippedEntries == 1)
      #expect(log.count("catalog entry skipped", "heartbeat", node.description) == 1)
      #expect(log.messages(.warning).count == 1)
      // The node's own next word is believed, whatever the nonsense was.
      let outcome = try await catalog.heartbeat(report(node), timeout: .seconds(90), takeOver: false)
      #expect(outcome == .accepted)
      #expect(try await catalog.nodes().count == 2)
    }
  }

  @Test(arguments: ["", "\u{1}", "\u{7F}junk"]) func aReportOfNonsenseIsSkippedAndReplaced(value: String) async throws {
    try await withPoisonedRedis { catalog, key, server, _ in
      let node = NodeID.make()
      _ = try await catalog.heartbeat(report(node, incarnation: 1), timeout: .seconds(90), takeOver: false)
      try server.command("HSET", key("nodes"), node.description, value)
      #expect(try await catalog.nodes().isEmpty)
      let outcome = try await catalog.heartbeat(report(node, incarnation: 2), timeout: .seconds(90), takeOver: false)
      #expect(outcome == .accepted)
      #expect(try await catalog.nodes().count == 1)
    }
  }

  @Test(arguments: times) func aReconciledNodeOfNonsenseIsSkipped(time: String) async throws {
    try await withPoisonedRedis { catalog, key, server, _ in
      let epoch = try await catalog.epoch(of: .default)
      let node = NodeID.make()
      try await catalog.setReconciled([node], process: "p", epoch: epoch)
      let reconciled = key("reconciled").replacing("{cluster}", with: "{\(BucketName.default.text)}")
      try server.command("HSET", reconciled, NodeID.make().description, "\(time) p")
      try server.command("HSET", reconciled, "no node", "1 p")
      #expect(try await catalog.reconciledNodes().keys.sorted() == [node])
      #expect(catalog.skippedEntries == 2)
    }
  }

  @Test func marksWorkAndOpenVolumesOfNonsenseAreSkipped() async throws {
    try await withPoisonedRedis { catalog, key, server, _ in
      let volume = Volume(id: VolumeID(rawValue: 7), nodes: [NodeID.make()])
      try await catalog.add(volume)
      try server.command("SADD", key("open-volumes"), "8 bytes.")
      #expect(try await catalog.openVolumes() == [volume])

      try await catalog.setReplayMarks([volume.id: 9])
      try server.command("HSET", key("replay-marks"), "8 bytes.", "99999999999999999999")
      try server.command("HSET", key("replay-marks"), "short", "1")
      #expect(try await catalog.replayMarks() == [volume.id: 9])

      for name in ["first", "second", "third"] {
        try await catalog.enqueue(RepairWork(key: name, kind: "test", payload: []))
      }
      try server.command("HSET", key("repair-states"), "first", "no MessagePack")
      try server.command("HSET", key("repair-work"), "second", "no work")
      #expect(try await catalog.list(limit: 10).map(\.work.key) == ["third"])
      #expect(try await catalog.claim(worker: "w", limit: 10, lease: .seconds(9)).map(\.work.key) == ["third"])
      // Both can be asked for again.
      for name in ["first", "second"] {
        #expect(try await catalog.enqueue(RepairWork(key: name, kind: "test", payload: [])), "\(name)")
      }
      #expect(try await catalog.claim(worker: "w", limit: 10, lease: .seconds(9)).count == 2)
    }
  }

  @Test func aReportWithMoreThanAnyNodeHasIsSkipped() async throws {
    let fields: [WritableKeyPath<NodeReport, UInt64>] = [\.capacity, \.available, \.blobCount, \.damagedCount]
    for field in fields {
      try await withPoisonedRedis { catalog, _, _, _ in
        var boastful = report(NodeID.make())
        boastful[keyPath: field] = .max
        _ = try await catalog.heartbeat(boastful, timeout: .seconds(90), takeOver: false)
        #expect(try await catalog.nodes().isEmpty)
      }
    }
  }
}
