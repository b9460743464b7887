import CairnCatalog
import CairnModel
import CairnNodeClient
import CairnStorage
import CairnTestSupport
import Synchronization
import Testing

@testable import CairnObjects

@Suite struct CatalogReplayTests {
  private func everything(_ catalog: SQLiteCatalog) async throws -> [ListPage.Entry] {
    try await catalog.list(.default, ListQuery(limit: 1000)).entries
  }

  /// Builds a catalog from the records alone, and compares it with the one that was kept.
  private func expectRebuilt(_ fixture: ObjectFixture, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let rebuilt = try await ObjectFixture.openCatalog(fixture.folder.path + "/rebuilt-\(VolumeID.make()).sqlite")
    let node = fixture.nodes[0]
    try await CatalogReplay(
      log: LocalNode(node.store), catalog: rebuilt, node: node.id, ids: BlobIDGenerator(), logger: ObjectFixture.logger
    ).run()
    #expect(try await everything(rebuilt) == everything(fixture.catalog), sourceLocation: sourceLocation)
    let volumes = try await rebuilt.volumes(after: nil, limit: 1000)
    let sealed = Set(volumes.filter { $0.state == .sealed }.map(\.id))
    let expected = try await LocalNode(node.store).sealedVolumes()
    #expect(sealed == expected, sourceLocation: sourceLocation)
    await rebuilt.close()
  }

  @Test func emptyCatalogIsRebuiltFromTheRecords() async throws {
    try await ObjectFixture.with { fixture in
      for index in 0..<50 { try await fixture.put("k\(index % 30)", ObjectFixture.bytes(index * 60)) }
      for index in 0..<10 { _ = try await fixture.objects.delete(ObjectName(key: ObjectKey("k\(index)"))) }
      try await fixture.put("k3", [1, 2, 3])
      try await expectRebuilt(fixture)
    }
  }

  @Test func refusedWritesStayRefused() async throws {
    try await ObjectFixture.with { fixture in
      try await fixture.put("k", [1])
      // The refused object's head record is on the disk, newer than the one that counts.
      await #expect(throws: ObjectError.self) { try await fixture.put("k", [2], onConflict: .reject) }
      try await expectRebuilt(fixture)
      _ = try await fixture.objects.delete(ObjectName(key: ObjectKey("k")))
      try await expectRebuilt(fixture)
      try await fixture.put("k", [3], onConflict: .reject)
      try await expectRebuilt(fixture)
    }
  }

  /// The versions that they replaced are known to be garbage, so nothing is there any more that they could be compared
  /// with; a rival that was refused stays refused, also when it had no time to say so.
  @Test func replacementsOutliveWhatTheyReplaced() async throws {
    try await ObjectFixture.with { fixture in
      let name = ObjectName(key: try ObjectKey("k"))
      for round in UInt8(1)...3 {
        let first = try await fixture.put("k", [round]).object.head.blob
        var last = first
        for step in UInt8(1)...3 {
          last = try await fixture.put("k", [round, step], onConflict: .replace(last)).object.head.blob
        }
        await #expect(throws: ObjectError.self) { try await fixture.put("k", [0], onConflict: .replace(first)) }
        // While nothing was said to be garbage, then when it was.
        try await expectRebuilt(fixture)
        try await fixture.flushGarbage()
        try await expectRebuilt(fixture)
        #expect(try await fixture.get("k") == [round, 3])
      }
      _ = try await fixture.objects.delete(name)
      try await expectRebuilt(fixture)
    }
  }

  /// What was refused stays refused at once, whatever happens to the name later.
  @Test func refusedRivalsOfWhatIsGoneStayRefused() async throws {
    try await ObjectFixture.with { fixture in
      let name = ObjectName(key: try ObjectKey("k"))
      let first = try await fixture.put("k", [1]).object.head.blob
      let second = try await fixture.put("k", [2], onConflict: .replace(first)).object.head.blob
      await #expect(throws: ObjectError.self) { try await fixture.put("k", [3], onConflict: .replace(first)) }
      await #expect(throws: ObjectError.self) { try await fixture.put("k", [4], onConflict: .reject) }
      // Covers no more than the version that it names, and is refused, or deletes that one.
      await #expect(throws: ObjectError.self) { try await fixture.objects.delete(name, expecting: first) }
      try await expectRebuilt(fixture)
      #expect(try await fixture.objects.delete(name, expecting: second))
      try await expectRebuilt(fixture)
      #expect(try await fixture.objects.object(name) == nil)
    }
  }

  /// The version that a write replaced can't be asked any more: its tombstone may also come from a deletion that lost.
  @Test func committedReplacementsCountWhateverBecameOfTheirPredecessor() async throws {
    try await ObjectFixture.with { fixture in
      let name = ObjectName(key: try ObjectKey("k"))
      let first = try await fixture.put("k", [1]).object.head
      try await fixture.put("k", [2], onConflict: .replace(first.blob))
      try await fixture.flushGarbage()
      let lost = Tombstone(object: .init(name: name, upTo: first.blob))
      try await LocalNode(fixture.nodes[0].store).append(
        try TestRecords.tombstone(lost, fixture.ids.next()), to: first.volume)
      try await expectRebuilt(fixture)
      #expect(try await fixture.get("k") == [2])
    }
  }

  /// Its tombstone is on the disk, and newer than what was written meanwhile.
  @Test func deletionsThatCameTooLateDeleteNothing() async throws {
    try await ObjectFixture.with { fixture in
      let name = ObjectName(key: try ObjectKey("k"))
      let first = try await fixture.put("k", [1]).object.head
      let late = Mutex<BlobID?>(nil)
      let catalog = RacingCatalog(fixture.catalog) { tombstone in
        late.withLock { $0 = tombstone }
        let earlier = BlobID(high: tombstone.high, low: tombstone.low &- 2)
        _ = try await fixture.catalog.delete(name, version: first.blob, tombstone: earlier)
      }
      #expect(try await fixture.makeObjects(catalog).delete(name) == false)
      let tombstone = try #require(late.withLock { $0 })
      let version = BlobID(high: tombstone.high, low: tombstone.low &- 1)
      let record = try TestRecords.head("k", version)
      try await LocalNode(fixture.nodes[0].store).append(record, to: first.volume)
      let object = StoredObject(
        head: BlobLocation(volume: first.volume, blob: version),
        attributes: try HeadRecord(metadata: record.record.metadata).attributes)
      #expect(try await fixture.catalog.put(object, as: name, if: .always) == .committed(replaced: nil))
      #expect(try await fixture.objects.object(name) != nil)
      try await expectRebuilt(fixture)
    }
  }

  /// A write whose coordinator died before it asked the catalog is judged by what is there, never by what is missing.
  @Test func unansweredReplacementsOfWhatIsGoneDoNotCount() async throws {
    try await ObjectFixture.with { fixture in
      let name = ObjectName(key: try ObjectKey("k"))
      let first = try await fixture.put("k", [1]).object.head
      let record = try TestRecords.head("k", fixture.ids.next(), condition: .version(first.blob))
      try await LocalNode(fixture.nodes[0].store).append(record, to: first.volume)
      try await fixture.put("k", [2])
      try await fixture.flushGarbage()
      try await expectRebuilt(fixture)
      _ = try await fixture.objects.delete(name)
      try await fixture.flushGarbage()
      try await expectRebuilt(fixture)
    }
  }

  @Test func replayingAgainChangesNothing() async throws {
    try await ObjectFixture.with { fixture in
      for index in 0..<20 { try await fixture.put("k\(index)", [UInt8(index)]) }
      let node = fixture.nodes[0]
      let replay = CatalogReplay(
        log: LocalNode(node.store), catalog: fixture.catalog, node: node.id, ids: fixture.ids,
        logger: ObjectFixture.logger)
      let before = try await everything(fixture.catalog)
      #expect(try await replay.run() == 0)
      #expect(try await everything(fixture.catalog) == before)
      let ends = try await LocalNode(node.store).ends()
      #expect(try await fixture.catalog.replayMarks() == ends)
    }
  }

  /// A request that was cut off at a shutdown: its record stands in the log, and nothing else knows of it yet.
  @Test func theLastMarksWaitForWritesUnderWay() async throws {
    try await ObjectFixture.with { fixture in
      try await fixture.put("k", [1])
      let marker = ReplayMarker(
        log: LocalNode(fixture.nodes[0].store), marks: fixture.catalog, barrier: fixture.barrier,
        logger: ObjectFixture.logger)
      let ticket = fixture.barrier.enter()
      let finishing = Task { await marker.finish() }
      // As long as it would take to set them.
      for _ in 1...20 {
        try await Task.sleep(for: .milliseconds(5))
        #expect(try await fixture.catalog.replayMarks().isEmpty)
      }
      fixture.barrier.leave(ticket)
      await finishing.value
      let ends = try await LocalNode(fixture.nodes[0].store).ends()
      #expect(try await fixture.catalog.replayMarks() == ends)
    }
  }

  @Test func randomHistoriesAreRebuilt() async throws {
    var random = SeededGenerator.forTest()
    try await ObjectFixture.with { fixture in
      var versions = [BlobID(high: 1, low: 1)]
      for step in 0..<300 {
        let key = "k\(Int.random(in: 0..<12, using: &random))"
        let name = ObjectName(key: try ObjectKey(key))
        let bytes = ObjectFixture.bytes(Int.random(in: 0..<2500, using: &random), seed: UInt8(step % 256))
        let current = try await fixture.objects.object(name)?.head.blob
        if let current { versions.append(current) }
        // Right as often as wrong.
        let expected = Bool.random(using: &random) ? current : versions.randomElement(using: &random)
        switch Int.random(in: 0..<14, using: &random) {
        case 0..<5: try await fixture.put(key, bytes)
        case 5: _ = try? await fixture.put(key, bytes, onConflict: .reject)
        case 6: try await fixture.put(key, bytes, onConflict: .rename)
        case 7:
          // Several volumes, so that order must come from versions and not from the log.
          for volume in try await fixture.catalog.openVolumes() { try await fixture.nodes[0].store.seal(volume.id) }
        case 8..<11: _ = try? await fixture.put(key, bytes, onConflict: .replace(expected ?? versions[0]))
        case 11: _ = try? await fixture.objects.delete(name, expecting: expected)
        case 12: try await fixture.flushGarbage()
        default: _ = try await fixture.objects.delete(name)
        }
      }
      try await expectRebuilt(fixture)
    }
  }
}
