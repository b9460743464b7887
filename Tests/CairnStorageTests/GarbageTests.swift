import CairnModel
import CairnStorage
import Foundation
import Testing

@Suite struct GarbageTests {
  private let other = VolumeID(rawValue: 0xB2)

  /// A store with two records, the first of which a tombstone in another volume has made garbage.
  private func store(grace: Duration = .seconds(100)) async throws -> (
    TestStore, dead: EncodedRecord, live: EncodedRecord
  ) {
    let test = try TestStore { $0.garbageGrace = grace }
    let (dead, live) = (try EncodedRecord.chunk(1), try EncodedRecord.chunk(2))
    try await test.store.fill([dead, live])
    try await test.store.fill([try .tombstone(3, garbage: [dead.location()], at: test.clock.now())], of: other)
    return (test, dead, live)
  }

  @Test func garbageIsReadableUntilItsGraceIsOver() async throws {
    let (test, dead, live) = try await store()
    #expect(test.store.volume(TestStore.volume)?.blobCount == 1)
    #expect(try await test.store.holds(dead))
    test.clock.advance(seconds: 99)
    await test.store.maintain()
    #expect(try await test.store.holds(dead))
    test.clock.advance(seconds: 3)
    await test.store.maintain()
    #expect(try await test.store.read(dead.location()) == nil)
    #expect(try await test.store.holds(live))
    #expect(test.store.volume(TestStore.volume)?.garbageBytes == UInt64(dead.header.paddedLength))
    await test.store.close()
  }

  @Test func whatAnotherReplicaWasToldIsGarbageHereToo() async throws {
    let (test, dead, live) = try await store()
    #expect(try await test.store.garbage(in: TestStore.volume) == [dead.header.blob])
    for _ in 1...2 { try test.store.discard([live.header.blob, dead.header.blob], in: TestStore.volume) }
    #expect(try await test.store.garbage(in: TestStore.volume) == [dead, live].map(\.header.blob).sorted())
    #expect(try await test.store.blobs(in: TestStore.volume).isEmpty)
    #expect(try await test.store.holds(live), "until its grace is over")
    test.clock.advance(seconds: 102)
    await test.store.maintain()
    #expect(try await test.store.read(live.location()) == nil)
    await test.store.close()
  }

  /// The damaged record of a blob that was restored is dead, but the blob isn't.
  @Test func restoredBlobsAreNoGarbage() async throws {
    let test = try TestStore()
    let records = try [EncodedRecord.chunk(1), .chunk(2)]
    try await test.store.fill(records)
    try await test.store.seal(TestStore.volume)
    try test.damage(0, of: records)
    await #expect(throws: StorageError.self) { _ = try await test.store.read(records[0].location()) }
    try await test.store.restore(records[0], to: TestStore.volume)
    #expect(try await test.store.garbage(in: TestStore.volume).isEmpty)
    await test.store.close()
  }

  @Test(arguments: [false, true])
  func graceGoesOnAcrossRestarts(crash: Bool) async throws {
    let (test, dead, live) = try await store()
    test.clock.advance(seconds: 60)
    await test.store.maintain()
    let change: (inout StorageConfiguration) -> Void = { $0.garbageGrace = .seconds(100) }
    let again = crash ? try test.crashed(change) : try await test.reopened(change)
    await again.store.maintain()
    #expect(try await again.store.holds(dead))
    #expect(again.store.volume(TestStore.volume)?.blobCount == 1)
    again.clock.advance(seconds: 45)
    await again.store.maintain()
    #expect(try await again.store.read(dead.location()) == nil)
    #expect(try await again.store.holds(live))
    if crash { await test.store.close() }
    await again.store.close()
  }

  @Test func coordinatorsWithAWrongClockDoNotChangeTheGrace() async throws {
    let test = try TestStore { $0.garbageGrace = .seconds(100) }
    let records = try [EncodedRecord.chunk(1), .chunk(2)]
    try await test.store.fill(records)
    let now = test.clock.now()
    for (index, skew) in [-1_000_000, 1_000_000].enumerated() {
      let time = Timestamp(nanosecondsSinceEpoch: UInt64(Int(now.nanosecondsSinceEpoch) + skew * 1_000_000_000))
      try await test.store.append(
        .tombstone(UInt64(10 + index), garbage: [records[index].location()], at: time), to: TestStore.volume)
    }
    test.clock.advance(seconds: 90)
    await test.store.maintain()
    for record in records { #expect(try await test.store.holds(record)) }
    test.clock.advance(seconds: 12)
    await test.store.maintain()
    for record in records { #expect(try await test.store.read(record.location()) == nil) }
    await test.store.close()
  }

  @Test func garbageElsewhereIsPassedOver() async throws {
    let test = try TestStore { $0.garbageGrace = .zero }
    try await test.store.fill([try .chunk(1)])
    try await test.store.append(
      .tombstone(
        2,
        garbage: [
          try EncodedRecord.chunk(1).location(in: VolumeID(rawValue: 77)), try EncodedRecord.chunk(55).location(),
        ]), to: TestStore.volume)
    test.clock.advance(seconds: 5)
    await test.store.maintain()
    #expect(try await test.store.holds(.chunk(1)))
    await test.store.close()
  }

  @Test func marksSurviveTheLossOfTheIndexThatHadThem() async throws {
    let (test, dead, live) = try await store(grace: .zero)
    // Both indexes hold everything, so that the tombstone would not be read again for its own sake.
    let again = try await test.reopened { $0.garbageGrace = .zero }
    await again.store.close()
    for path in test.folder.files(endingIn: "\(TestStore.volume).index") {
      try FileManager.default.removeItem(atPath: path)
    }
    let rebuilt = try TestStore(test.folder, clock: test.clock.now()) { $0.garbageGrace = .zero }
    rebuilt.clock.advance(seconds: 5)
    await rebuilt.store.maintain()
    #expect(try await rebuilt.store.read(dead.location()) == nil)
    #expect(try await rebuilt.store.holds(live))
    await rebuilt.store.close()
  }

  @Test func manyMarksAreMadeDurableAndNotMadeAgain() async throws {
    let test = try TestStore()
    let count: UInt64 = 5000
    let records = try (0..<count).map { try EncodedRecord.chunk($0, length: 0) }
    try await test.store.createVolume(TestStore.volume)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for record in records { group.addTask { try await test.store.append(record, to: TestStore.volume) } }
      try await group.waitForAll()
    }
    for part in [records.prefix(2500), records.dropFirst(2500)] {
      let tombstone = try EncodedRecord.tombstone(
        count + part[part.startIndex].header.blob.low, garbage: part.map { $0.location() }, at: test.clock.now())
      try await test.store.fill([tombstone], of: other)
    }
    await test.store.close()
    // Were the tombstone read again, its damage would lose the marks.
    let path = try #require(test.folder.files(endingIn: "\(other).log").first)
    var log = try readFile(path)
    log[200] ^= 1
    try writeFile(path, log)
    let again = try TestStore(test.folder, clock: test.clock.now())
    #expect(again.store.volume(TestStore.volume)?.blobCount == 0)
    await again.store.close()
  }
}
