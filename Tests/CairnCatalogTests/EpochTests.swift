import CairnCatalog
import CairnModel
import CairnTestSupport
import Testing

/// How a catalog that went back in time is noticed.
@Suite struct EpochTests {
  @Test(arguments: Implementation.allCases)
  func aCatalogThatKeepsWhatItHasIsNeverBehind(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      var seen = try await catalog.epoch(of: .default)
      #expect(try await catalog.epoch(of: .default) == seen)
      for number in UInt64(1)...10 {
        _ = try await catalog.put(makeObject(version(number)), as: name("x"), if: .always)
        let now = try await catalog.epoch(of: .default)
        #expect(!now.isBehind(seen))
        seen = now
      }
    }
  }

  @Test func anEpochIsBehindOneOfAnotherLifeOrALaterOne() {
    let epoch = CatalogEpoch(id: 5, position: 7)
    #expect(!epoch.isBehind(epoch))
    #expect(!epoch.isBehind(CatalogEpoch(id: 5, position: 6)))
    #expect(epoch.isBehind(CatalogEpoch(id: 5, position: 8)))
    #expect(epoch.isBehind(CatalogEpoch(id: 4, position: 7)))
  }

  @Test func eachChangeOfAnObjectMovesThePositionOfItsBucketOnce() async throws {
    try await withRedis(try await RedisServer.shared()) { catalog in
      let start = try await catalog.epoch(of: .default)
      #expect(start.position == 0)
      let changed = try name("x")
      for _ in 1...2 {
        // The second time it is the retry of one that was done.
        #expect(try await catalog.put(makeObject(version(1)), as: changed, if: .always).isCommitted)
        #expect(try await catalog.epoch(of: .default).position == 1)
      }
      _ = try await catalog.put(makeObject(version(2)), as: changed, if: .absent)
      _ = try await catalog.delete(changed, version: version(9), tombstone: version(10))
      #expect(try await catalog.epoch(of: .default).position == 1, "neither was done")
      for _ in 1...2 {
        _ = try await catalog.delete(changed, version: version(1), tombstone: version(3))
        #expect(try await catalog.epoch(of: .default) == CatalogEpoch(id: start.id, position: 2))
      }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in UInt64(10)..<60 {
          group.addTask {
            _ = try await catalog.put(makeObject(version(number)), as: name("\(number)"), if: .always)
          }
        }
        try await group.waitForAll()
      }
      #expect(try await catalog.epoch(of: .default) == CatalogEpoch(id: start.id, position: 52))
      let other = try await catalog.epoch(of: BucketName("other"))
      #expect(other.position == 0)
      #expect(other.id != start.id)
    }
  }

  @Test func anEmptiedRedisHasAnotherID() async throws {
    let server = try await RedisServer()
    try await withRedis(server) { catalog in
      let seen = try await catalog.epoch(of: .default)
      try server.command("FLUSHALL")
      // Written to before anybody looked, and further than it was.
      _ = try await catalog.put(makeObject(version(1)), as: name("x"), if: .always)
      let now = try await catalog.epoch(of: .default)
      #expect(now.isBehind(seen))
      #expect(now.id != seen.id)
      #expect(now.position == 1)
      #expect(try await catalog.epoch(of: .default) == now)
    }
  }

  @Test func aRedisThatWasRestoredFromAnOlderSnapshotIsBehind() async throws {
    let server = try await RedisServer()
    try await withRedis(server) { catalog in
      for number in UInt64(1)...5 {
        _ = try await catalog.put(makeObject(version(number)), as: name("\(number)"), if: .always)
      }
      let saved = try await catalog.epoch(of: .default)
      try server.command("SAVE")
      _ = try await catalog.delete(name("5"), version: version(5), tombstone: version(6))
      let seen = try await catalog.epoch(of: .default)
      #expect(!seen.isBehind(saved))
      try await server.kill()
      try await server.restart()
      let now = try await eventually { try await catalog.epoch(of: .default) }
      #expect(now == saved)
      #expect(now.isBehind(seen))
    }
  }
}

/// With which nodes a catalog was compared.
@Suite struct ReconciledNodesTests {
  @Test func entriesAreOfTheProcessAndTheTimeThatTheyWereMade() async throws {
    let server = try await RedisServer()
    try await withRedis(server) { catalog in
      #expect(try await catalog.reconciledNodes() == [:])
      let (first, second) = (NodeID.make(), NodeID.make())
      let epoch = try await catalog.epoch(of: .default)
      try await catalog.setReconciled([first, second], process: "run_id:a", epoch: epoch)
      let before = try #require(try await catalog.reconciledNodes()[first])
      #expect(before.process == "run_id:a")
      let age = Int64(Timestamp.now().secondsSinceEpoch) - Int64(before.time.secondsSinceEpoch)
      #expect(abs(age) < 60)
      try await catalog.setReconciled([second], process: "b c", epoch: epoch)
      let found = try await catalog.reconciledNodes()
      #expect(found[first] == before)
      #expect(found[second]?.process == "b c")
      #expect(try #require(found[second]).time >= before.time)
      try server.command("FLUSHALL")
      try await catalog.setReconciled([first], process: "run_id:a", epoch: epoch)
      #expect(try await catalog.reconciledNodes() == [:], "it is not the catalog any more that was compared")
    }
  }
}
