import CairnModel
import CairnStorage
import Foundation
import Synchronization
import Testing

@Suite struct RestoreTests {
  private static let records: @Sendable () throws -> [EncodedRecord] = {
    try [.chunk(1), .chunk(2, length: 300_000), .chunk(3, metadata: 20)]
  }

  @Test(arguments: [false, true])
  func aDamagedRecordIsReplaced(sealed: Bool) async throws {
    let records = try Self.records()
    let test = try TestStore()
    try await test.store.fill(records)
    if sealed { try await test.store.seal(TestStore.volume) }
    let before = try #require(test.store.volume(TestStore.volume))
    for index in 0..<2 {
      try test.damage(index, of: records)
      await #expect(throws: StorageError.self) { _ = try await test.store.read(records[index].location()) }
    }
    #expect(try test.store.damaged(in: TestStore.volume) == records[..<2].map(\.header.blob))
    #expect(test.store.volume(TestStore.volume)?.damagedCount == 2)
    for record in records { try await test.store.restore(record, to: TestStore.volume) }

    func check(_ store: VolumeStore, knowsGarbage: Bool = true) async throws {
      for record in records { #expect(try await store.holds(record)) }
      let after = try #require(store.volume(TestStore.volume))
      let restored = records[..<2].reduce(0) { $0 + UInt64($1.header.paddedLength) }
      // Read from the log alone, a damaged record is nobody's: no garbage, and gone with the next rewriting.
      #expect(after.garbageBytes == (knowsGarbage ? restored : 0))
      #expect(after.logBytes == before.logBytes + restored, "the intact one was not written again")
      #expect(after.blobCount == 3)
      #expect(after.liveBytes == before.liveBytes)
      #expect(after.damagedCount == 0)
      #expect(after.state == (sealed ? .sealed : .open))
      #expect(try store.damaged(in: TestStore.volume) == [])
    }
    try await check(test.store)
    // From the index file and the tail, from the log alone, and from an index file that knows it.
    let crashed = try test.crashed()
    try await check(crashed.store, knowsGarbage: false)
    let bare = try test.folder.copy()
    for path in bare.files(endingIn: ".index") { try FileManager.default.removeItem(atPath: path) }
    let rebuilt = try TestStore(bare)
    #expect(rebuilt.store.volume(TestStore.volume)?.damagedCount == 0)
    for record in records { #expect(try await rebuilt.store.holds(record)) }
    let closed = try await test.reopened()
    try await check(closed.store)
    for store in [crashed.store, rebuilt.store, closed.store] { await store.close() }
  }

  @Test func aMissingRecordIsAddedToASealedVolume() async throws {
    let test = try TestStore()
    try await test.store.fill([.chunk(1)])
    try await test.store.seal(TestStore.volume)
    for seed: UInt64 in 2..<40 { try await test.store.restore(.chunk(seed), to: TestStore.volume) }
    await #expect(throws: StorageError.volumeSealed(TestStore.volume)) {
      try await test.store.append(.chunk(50), to: TestStore.volume)
    }
    let crashed = try test.crashed()
    for store in [test.store, crashed.store] {
      for seed: UInt64 in 1..<40 { #expect(try await store.holds(.chunk(seed))) }
      #expect(store.volume(TestStore.volume)?.garbageBytes == 0)
      await store.close()
    }
  }

  @Test func manyRestoresAtOnceShareSyncs() async throws {
    let test = try TestStore()
    try await test.store.fill([.chunk(1)])
    try await test.store.seal(TestStore.volume)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for seed: UInt64 in 0..<3000 {
        group.addTask { try await test.store.restore(.chunk(seed % 1500 + 1), to: TestStore.volume) }
      }
      try await group.waitForAll()
    }
    let crashed = try test.crashed()
    for seed: UInt64 in 1...1500 { #expect(try await crashed.store.holds(.chunk(seed))) }
    #expect(crashed.store.volume(TestStore.volume)?.blobCount == 1500)
    #expect(crashed.store.volume(TestStore.volume)?.garbageBytes == 0)
    await crashed.store.close()
    await test.store.close()
  }

  @Test func restoreThatACrashTornIsCutOffBehindTheSeal() async throws {
    let test = try TestStore()
    let restored = try EncodedRecord.chunk(2, length: 500)
    try await test.store.fill([.chunk(1)])
    try await test.store.seal(TestStore.volume)
    let sealed = try readFile(test.folder.file(endingIn: ".log"))
    try await test.store.restore(restored, to: TestStore.volume)
    let whole = try readFile(test.folder.file(endingIn: ".log"))
    await test.store.close()
    for end in stride(from: sealed.count, through: whole.count, by: 13) {
      // The mark of before: it is moved when the records are on the disk.
      let folder = try test.folder.copy()
      for path in folder.files(endingIn: ".index") { try FileManager.default.removeItem(atPath: path) }
      try writeFile(try folder.file(endingIn: ".log"), sealed[..<128] + whole[128..<end])
      let after = try TestStore(folder)
      let summary = try #require(after.store.volume(TestStore.volume))
      #expect(summary.damagedCount == 0)
      #expect(summary.state == .sealed)
      #expect(try await after.store.holds(.chunk(1)))
      let next = try EncodedRecord.chunk(3)
      try await after.store.restore(next, to: TestStore.volume)
      try await after.store.restore(restored, to: TestStore.volume)
      let again = try await after.reopened()
      for record in try [.chunk(1), restored, next] { #expect(try await again.store.holds(record), "cut at \(end)") }
      #expect(try again.store.scanBlocking(TestStore.volume) { _, _ in }.damaged.isEmpty)
      await again.store.close()
    }
  }

  @Test func anotherIntactRecordIsNeverReplaced() async throws {
    let test = try TestStore()
    try await test.store.fill([.chunk(1, length: 10)])
    let other = try EncodedRecord.chunk(1, length: 11)
    await #expect(throws: StorageError.duplicateBlob(other.location())) {
      try await test.store.restore(other, to: TestStore.volume)
    }
    await test.store.close()
  }

  @Test func garbageIsNotBroughtBack() async throws {
    let change: @Sendable (inout StorageConfiguration) -> Void = { $0.garbageGrace = .zero }
    let test = try TestStore(nil, change)
    let record = try EncodedRecord.chunk(1)
    try await test.store.fill([record, .tombstone(2, garbage: [record.location()])])
    try await test.store.restore(record, to: TestStore.volume)
    #expect(test.store.volume(TestStore.volume)?.blobCount == 0)
    await test.store.close()
  }

  @Test func compactionForgetsWhatWasReplaced() async throws {
    let records = try (1...6).map { try EncodedRecord.chunk($0, length: 4000) }
    let test = try TestStore()
    try await test.store.fill(records)
    try await test.store.seal(TestStore.volume)
    let before = try #require(test.store.volume(TestStore.volume)).logBytes
    for index in records.indices {
      try test.damage(index, of: records)
      try await test.store.restore(records[index], to: TestStore.volume)
    }
    #expect(await test.store.compact() > 0)
    #expect(test.store.volume(TestStore.volume)?.logBytes == before)
    for record in records { #expect(try await test.store.holds(record)) }
    // And it can be done again in the rewritten log.
    try test.damage(2, of: records)
    try await test.store.restore(records[2], to: TestStore.volume)
    let again = try await test.reopened()
    for record in records { #expect(try await again.store.holds(record)) }
    await again.store.close()
  }

  @Test func aFailingSyncRestoresNothing() async throws {
    let test = try TestStore()
    try await test.store.fill([.chunk(1)])
    try await test.store.seal(TestStore.volume)
    test.disk.set { $0.failingSync = (after: 0, code: 5) }
    await #expect(throws: StorageError.self) { try await test.store.restore(.chunk(2), to: TestStore.volume) }
    #expect(try await test.store.read(EncodedRecord.chunk(2).location()) == nil)
    let crashed = try test.crashed()
    #expect(try await crashed.store.holds(.chunk(1)))
    #expect(try await crashed.store.read(EncodedRecord.chunk(2).location()) == nil)
    await crashed.store.close()
    await test.store.close()
  }

  /// A record whose header is gone: the log alone doesn't tell whose it was, also after it was restored.
  @Test func damageThatIsNobodysGoesWithARewriting() async throws {
    let records = try Self.records()
    let test = try TestStore()
    try await test.store.fill(records)
    try await test.store.seal(TestStore.volume)
    let intact = try #require(test.store.volume(TestStore.volume)).logBytes
    await test.store.close()
    try test.flip(UInt64(128 + records[0].header.paddedLength))
    for path in test.folder.files(endingIn: ".index") { try FileManager.default.removeItem(atPath: path) }
    let damaged = try TestStore(test.folder)
    #expect(damaged.store.volume(TestStore.volume)?.damagedCount == 1)
    #expect(try await damaged.store.read(records[1].location()) == nil)
    try await damaged.store.restore(records[1], to: TestStore.volume)
    #expect(damaged.store.volume(TestStore.volume)?.damagedCount == 1)
    try await damaged.store.rewriteWithoutDamage(TestStore.volume)
    let bare = try damaged.folder.copy()
    for path in bare.files(endingIn: ".index") { try FileManager.default.removeItem(atPath: path) }
    let rebuilt = try TestStore(bare)
    for store in [damaged.store, rebuilt.store] {
      for record in records { #expect(try await store.holds(record)) }
      #expect(store.volume(TestStore.volume)?.damagedCount == 0)
      #expect(store.volume(TestStore.volume)?.logBytes == intact)
      #expect(store.volume(TestStore.volume)?.state == .sealed)
      await store.close()
    }
  }

  /// Only what was known before is left out: other damage must be restored first.
  @Test func damageThatWasNotKnownKeepsALogFromBeingRewritten() async throws {
    let records = try Self.records()
    let test = try TestStore()
    try await test.store.fill(records)
    try await test.store.seal(TestStore.volume)
    try test.damage(0, of: records)
    _ = try await test.store.scrub(TestStore.volume)
    try test.damage(1, of: records)
    let before = test.store.volume(TestStore.volume)?.logBytes
    try await test.store.rewriteWithoutDamage(TestStore.volume)
    #expect(test.store.volume(TestStore.volume)?.logBytes == before)
    #expect(try test.store.damaged(in: TestStore.volume) == records[..<2].map(\.header.blob))
    try await test.store.restore(records[1], to: TestStore.volume)
    try await test.store.rewriteWithoutDamage(TestStore.volume)
    #expect(try await test.store.read(records[0].location()) == nil)
    #expect(test.store.volume(TestStore.volume)?.damagedCount == 0)
    for record in records[1...] { #expect(try await test.store.holds(record)) }
    await test.store.close()
  }

  /// What was deleted need not be restored: nobody misses it.
  @Test func damageOfADeletedRecordIsForgotten() async throws {
    let test = try TestStore(nil) { $0.garbageGrace = .zero }
    let records = [try EncodedRecord.chunk(1), try .chunk(2)]
    try await test.store.fill(records)
    try test.damage(0, of: records)
    _ = try await test.store.scrub(TestStore.volume)
    #expect(test.store.volume(TestStore.volume)?.damagedCount == 1)
    try await test.store.append(.tombstone(3, garbage: [records[0].location()]), to: TestStore.volume)
    test.clock.advance(seconds: 5)
    await test.store.maintain()
    #expect(test.store.volume(TestStore.volume)?.damagedCount == 0)
    #expect(try await test.store.holds(records[1]))
    await test.store.close()
  }
}
