import CairnCatalog
import CairnModel
import CairnTestSupport
import Testing

/// Lists and indices in Redis that were lost, or have more than they should.
@Suite struct RedisIndexTests {
  private static let bucket = "own:{default}"
  private static let cluster = "own:{cluster}"

  private func withFilled(_ body: (RedisCatalog, RedisServer) async throws -> Void) async throws {
    let server = try await RedisServer()
    try await withRedis(server, adjust: { $0.keyPrefix = "own" }) { catalog in
      for number in UInt64(1)...30 {
        _ = try await catalog.put(makeObject(version(number)), as: name("k\(number % 20)"), if: .always)
      }
      _ = try await catalog.delete(name("k5"), version: version(25), tombstone: version(31))
      for number in UInt64(1)...3 { try await catalog.add(Volume(id: VolumeID(rawValue: number), nodes: [.make()])) }
      try await catalog.add(
        PendingUpload(id: version(40), name: name("u"), attributes: makeObject(version(40)).attributes, replicas: nil),
        lifetime: .seconds(60))
      try await body(catalog, server)
    }
  }

  @Test func aCatalogThatIsWholeHasNoDifferences() async throws {
    try await withFilled { (catalog: RedisCatalog, _) async throws in
      for repair in [IndexRepair.none, .entries, .all] { #expect(try await catalog.compareIndices(repair).isEmpty) }
      #expect(try await catalog.epoch(of: .default).isIntact)
      #expect(try await catalog.epoch(of: BucketName("other")).isIntact)
    }
  }

  /// What is derived comes back from what it is derived from.
  @Test(arguments: [
    (["DEL", "\(bucket):names"], "19 objects are not in the list of names"),
    (["ZREM", "\(bucket):names", "k7"], "1 objects are not in the list of names, such as \"k7\""),
    (["DEL", "\(bucket):versions"], "19 objects are not found by their versions"),
    (["HDEL", "\(bucket):epoch", "count"], "19 objects, and another number"),
    (["DEL", "\(cluster):volume-ids"], "volumes: 3 are not in their list"),
    (["ZREM", "\(cluster):upload-names", "x"], ""),
    (["DEL", "\(cluster):upload-names"], "uploads in parts: 1"),
    (["ZADD", "\(cluster):volume-ids", "0", "8 bytes."], "volumes: 1 are in their list, and unknown"),
    (["SADD", "\(cluster):open-volumes", "8 bytes."], "volumes: 1 are open, and unknown"),
    (["HSET", "\(bucket):versions", "0123456789abcdef", "k7"], "1 versions are not those of their objects"),
  ])
  func aLostIndexIsFoundAndRebuilt(_ damage: [String], _ words: String) async throws {
    try await withFilled { catalog, server in
      let before = try await catalog.list(.default, ListQuery(limit: 100))
      let volumes = try await catalog.volumes(after: nil, limit: 10)
      try server.command(damage)
      let found = try await catalog.compareIndices(.none)
      #expect(found.map(\.description).filter { !$0.contains(words) }.isEmpty, "\(found)")
      #expect(found.isEmpty == words.isEmpty)
      let isNoticed = damage[1].hasPrefix(Self.bucket)
      #expect(try await catalog.epoch(of: .default).isIntact != isNoticed)
      #expect(try await catalog.compareIndices(.all) == found)
      #expect(try await catalog.compareIndices(.none).isEmpty)
      #expect(try await catalog.epoch(of: .default).isIntact)
      #expect(try await catalog.list(.default, ListQuery(limit: 100)) == before)
      #expect(try await catalog.object(version: version(27), in: .default)?.0 == ObjectKey("k7"))
      #expect(try await catalog.volumes(after: nil, limit: 10) == volumes)
      #expect(try await catalog.uploads(UploadRange(.default), limit: 10).map(\.id) == [version(40)])
    }
  }

  /// What was lost itself is put again by a recovery; until then everybody sees that it is missing.
  @Test func namesOfLostObjectsGoAndTheirNumberStays() async throws {
    try await withFilled { catalog, server in
      let before = try await catalog.epoch(of: .default)
      try server.command("DEL", "\(Self.bucket):objects")
      #expect(try await !catalog.epoch(of: .default).isIntact)
      #expect(try await !catalog.compareIndices(.entries).isEmpty)
      #expect(try await catalog.list(.default, ListQuery(limit: 100)).entries.isEmpty)
      #expect(try await !catalog.epoch(of: .default).isIntact)
      #expect(try await catalog.put(makeObject(version(30)), as: name("k10"), if: .always).isCommitted)
      #expect(try await !catalog.epoch(of: .default).isIntact)
      #expect(try await catalog.compareIndices(.all).count == 1)
      let after = try await catalog.epoch(of: .default)
      #expect(after.isIntact && !after.isBehind(before))
    }
  }

  @Test func aVolumeThatIsAddedAgainBringsItsEntryBack() async throws {
    try await withFilled { catalog, server in
      try server.command("DEL", "\(Self.cluster):volume-ids")
      for volume in try await catalog.openVolumes() { try await catalog.add(volume) }
      #expect(try await catalog.volumes(after: nil, limit: 10).count == 3)
    }
  }

  /// Work that waits in a stream that was lost would wait for ever, and nobody could queue it again.
  @Test func workWhoseStreamIsLostIsQueuedAgain() async throws {
    let server = try await RedisServer()
    try await withRedis(server, adjust: { $0.keyPrefix = "own" }) { catalog in
      let work = RepairWork(key: "k", kind: "test", payload: [1])
      #expect(try await catalog.enqueue(work))
      #expect(try await !catalog.enqueue(work))
      try server.command("DEL", "\(Self.cluster):repair-queue")
      #expect(try await catalog.enqueue(work))
      let claimed = try #require(try await catalog.claim(worker: "w", limit: 9, lease: .seconds(60)).first)
      #expect(try await catalog.fail(claimed, error: "no", retryAfter: .seconds(60)))
      try server.command("DEL", "\(Self.cluster):repair-retries")
      #expect(try await catalog.enqueue(work))
      #expect(try await catalog.claim(worker: "w", limit: 9, lease: .seconds(60)).count == 1)
    }
  }

  /// Clients that write meanwhile cause no differences.
  @Test func entriesAreComparedInOneStep() async throws {
    try await withFilled { catalog, _ in
      let writing = Task {
        var number = UInt64(100)
        while !Task.isCancelled {
          let key = try name("w\(number % 50)")
          if case .committed = try await catalog.put(makeObject(version(number)), as: key, if: .always) {
            _ = try await catalog.delete(key, version: version(number), tombstone: version(number + 1))
          }
          number += 2
        }
      }
      for _ in 0..<20 { #expect(try await catalog.compareIndices(.none).isEmpty) }
      writing.cancel()
      try await writing.value
    }
  }
}
