import CairnCatalog
import CairnCluster
import CairnModel
import CairnNodeClient
import CairnStorage
import CairnTestSupport
import Synchronization
import Testing

@testable import CairnObjects

/// Writes that fail on some replicas: either another place is found for them, or nobody ever sees them.
@Suite struct FailedWriteTests {
  private static func name(_ key: String) throws -> ObjectName { ObjectName(key: try ObjectKey(key)) }

  /// What a catalog has of a name that is rebuilt from the disks.
  private func rebuilt(_ key: String, from fixture: ObjectFixture) async throws -> BlobID? {
    let catalog = try await ObjectFixture.openCatalog(fixture.folder.path + "/rebuilt-\(VolumeID.make()).sqlite")
    try await ClusterRecovery(
      sources: fixture.nodes.map { LocalNode($0.store) }, catalog: catalog, ids: BlobIDGenerator(),
      logger: ObjectFixture.logger
    ).run()
    let version = try await catalog.object(Self.name(key))?.head.blob
    await catalog.close()
    return version
  }

  /// The node that fails had taken the chunks, and two others take the head record, too.
  @Test(arguments: [10, 2500]) func anOverwriteThatFailedNeverReplacesWhatItWouldHave(size: Int) async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 3, minimum: 3) { fixture in
      let bytes = ObjectFixture.bytes(size, seed: 1)
      let first = try await fixture.put("k", bytes).object.head.blob
      fixture.nodes[2].fault = .losesHeads
      await #expect(throws: ObjectError.self) { try await fixture.put("k", ObjectFixture.bytes(size, seed: 2)) }
      #expect(try await fixture.get("k") == bytes)
      #expect(try await rebuilt("k", from: fixture) == first)
      try await fixture.flushGarbage()
      #expect(try await rebuilt("k", from: fixture) == first)
      #expect(try await fixture.get("k") == bytes)
    }
  }

  /// The write failed in one volume and goes on in another one, and meanwhile a recovery finds it in the first, on the
  /// only node that took it there: what is acknowledged must be where all its replicas are.
  @Test func theObjectIsWhereAllReplicasAreAlthoughARecoveryFoundItElsewhere() async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 3) { fixture in
      let first = try await fixture.put("k", [1]).object.head.volume
      fixture.nodes[1].fault = .damagesAppends(count: 1)
      let name = try Self.name("k")
      let isReplaying = Mutex(true)
      let objects = fixture.makeObjects(
        RacingCatalog(
          fixture.catalog,
          beforePut: { object in
            var found = object
            found.head = BlobLocation(volume: first, blob: object.head.blob)
            #expect(found.head != object.head)
            _ = try await fixture.nodes[0].record(found.head)
            _ = try await fixture.catalog.put(found, as: name, if: .always)
          })
      ) { $0.mayHaveReplayed = { isReplaying.withLock { $0 } } }
      let put = try await objects.put(
        name, ObjectFixture.source([2]), UploadDescription(contentType: "a/b"), onConflict: .overwrite)
      let head = put.object.head
      #expect(try await fixture.catalog.object(name)?.head == head && head.volume != first)
      for node in fixture.nodes { #expect((try? node.store.readBlocking(head)) != nil) }
      // While a recovery may be about to put what it has read, the place that it may have read is no garbage.
      for isHeld in [true, false] {
        isReplaying.withLock { $0 = isHeld }
        let reporting = Task { await objects.run() }
        reporting.cancel()
        await reporting.value
        let isThere = try await fixture.nodes[0].blobs(in: first).contains { $0.blob == head.blob }
        #expect(isThere == isHeld)
        #expect(try await fixture.get("k") == [2])
        #expect(try await rebuilt("k", from: fixture) == head.blob)
      }
    }
  }

  /// The record is on the disks already. Without a durable refusal a recovery would take it for the object, whose chunks
  /// are garbage.
  @Test(arguments: [10, 2500]) func whatAFullCatalogRefusedNeverComesToLife(size: Int) async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 2) { fixture in
      let bytes = ObjectFixture.bytes(size, seed: 1)
      let first = try await fixture.put("k", bytes).object.head.blob
      let objects = fixture.makeObjects(RacingCatalog(fixture.catalog, refusing: .full("Redis has reached maxmemory")))
      let error = await #expect(throws: ObjectError.self) {
        try await objects.put(
          Self.name("k"), ObjectFixture.source(ObjectFixture.bytes(size, seed: 2)),
          UploadDescription(contentType: "a/b"), onConflict: .overwrite)
      }
      guard case .noSpace(let reason) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(reason.contains("maxmemory"))
      #expect(try await rebuilt("k", from: fixture) == first)
      #expect(try await fixture.get("k") == bytes)
    }
  }

  /// A recovery has read the record already, and makes it the object when there is room: to refuse it on the disks would
  /// make garbage of the object.
  @Test(arguments: [10, 2500]) func whatARecoveryMayHavePutIsNotRefused(size: Int) async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 2) { fixture in
      _ = try await fixture.put("k", [1])
      let (name, bytes) = (try Self.name("k"), ObjectFixture.bytes(size, seed: 2))
      let objects = fixture.makeObjects(
        RacingCatalog(
          fixture.catalog, refusing: .full("Redis has reached maxmemory"),
          beforePut: { _ = try await fixture.catalog.put($0, as: name, if: .always) })
      ) { $0.mayHaveReplayed = { true } }
      let error = await #expect(throws: ObjectError.self) {
        try await objects.put(
          name, ObjectFixture.source(bytes), UploadDescription(contentType: "a/b"), onConflict: .overwrite)
      }
      guard case .outcomeUnknown = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      try await fixture.flushGarbage()
      #expect(try await fixture.get("k") == bytes)
      #expect(try await rebuilt("k", from: fixture) == fixture.catalog.object(name)?.head.blob)
    }
  }

  /// A deletion that comes after it would not know of the record, and a replay would bring the name back.
  @Test func aConditionalWriteLeavesNothingWhereNobodyCanJudgeIt() async throws {
    try await ObjectFixture.with { fixture in
      let first = try await fixture.put("k", [1]).object.head
      let objects = fixture.makeObjects(fixture.catalog) { $0.reasonNotReady = { "the catalog may lack files" } }
      for (key, rule) in [("new", ConflictRule.reject), ("k", .replace(first.blob))] {
        let error = await #expect(throws: ObjectError.self) {
          try await objects.put(
            Self.name(key), ObjectFixture.source([2]), UploadDescription(contentType: "a/b"), onConflict: rule)
        }
        guard case .unavailable("the catalog may lack files") = error else {
          Issue.record("\(String(describing: error))")
          continue
        }
      }
      #expect(try await fixture.nodes[0].blobs(in: first.volume).map(\.blob) == [first.blob])
    }
  }

  @Test func aRecordThatArrivesDamagedIsSentAgain() async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 3) { fixture in
      let first = try await fixture.put("k", [1]).object.head.volume
      fixture.nodes[1].fault = .damagesAppends(count: 1)
      let second = try await fixture.put("k", [2]).object.head
      #expect(second.volume != first, "what took the record elsewhere is sealed")
      #expect(try await fixture.catalog.volume(first)?.state == .sealed)
      #expect(try await rebuilt("k", from: fixture) == second.blob)
    }
  }

  @Test func aNodeThatDamagesEveryRecordIsAvoided() async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 2) { fixture in
      fixture.nodes[1].fault = .damagesAppends(count: .max)
      for index in 0..<10 {
        let result = try await fixture.put("k\(index)", [1])
        #expect(!result.nodes.contains(fixture.nodes[1].id))
      }
    }
  }

  /// A node whose clock is wrong, or that has another secret.
  @Test func aNodeThatRefusesTheCoordinatorIsAvoided() async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 2) { fixture in
      for index in 0..<5 { try await fixture.put("k\(index)", [1]) }
      fixture.nodes[1].fault = .unauthorized
      for index in 0..<10 {
        let result = try await fixture.put("k\(index)", [2])
        #expect(!result.nodes.contains(fixture.nodes[1].id))
      }
    }
  }

  @Test func whereEveryNodeRefusesTheCoordinatorTheErrorSaysSo() async throws {
    try await ObjectFixture.with(nodes: 2, replicas: 2) { fixture in
      for node in fixture.nodes { node.fault = .unauthorized }
      let error = await #expect(throws: ObjectError.self) { try await fixture.put("k", [1]) }
      let text = try #require(error).description
      #expect(text.contains("refused the coordinator"), "\(text)")
    }
  }

  /// The node that is back was dead before the write began; enough that there are two.
  /// Both were lost before it began: it hasn't met either.
  @Test func aWriteWaitsForNodesThatWereLostLately() async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 2) { fixture in
      for node in fixture.nodes[0...1] {
        node.fault = .unreachable
        fixture.view.suspect(node.id, because: "test")
      }
      let objects = fixture.makeObjects(fixture.catalog) { $0.writePatience = .seconds(600) }
      let isWritten = Mutex(false)
      async let writing = {
        let result = try await objects.put(
          Self.name("k"), ObjectFixture.source([1]), UploadDescription(contentType: "a/b"), onConflict: .overwrite)
        isWritten.withLock { $0 = true }
        return result
      }()
      try await Task.sleep(for: .milliseconds(300))
      #expect(!isWritten.withLock { $0 })
      fixture.nodes[0].fault = .none
      try await fixture.beat(fixture.nodes[0])
      #expect(Set(try await writing.nodes) == [fixture.nodes[0].id, fixture.nodes[2].id])
    }
  }

  @Test func aWriteGoesOnAsSoonAsEnoughNodesTakeData() async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 2) { fixture in
      fixture.nodes[0].fault = .unreachable
      fixture.view.suspect(fixture.nodes[0].id, because: "test")
      try await fixture.put("before", [1])
      fixture.nodes[1].fault = .unreachable
      let appends = fixture.nodes[1].appends
      let objects = fixture.makeObjects(fixture.catalog) { $0.writePatience = .seconds(600) }
      async let writing = objects.put(
        Self.name("k"), ObjectFixture.source([2]), UploadDescription(contentType: "a/b"), onConflict: .overwrite)
      try await eventually("the write has failed on the node that is away") { fixture.nodes[1].appends > appends }
      fixture.nodes[0].fault = .none
      try await fixture.beat(fixture.nodes[0])
      let nodes = try await writing.nodes
      #expect(Set(nodes) == [fixture.nodes[0].id, fixture.nodes[2].id])
    }
  }
}
