import CairnModel
import CairnStorage
import NIOCore
import Testing

/// Zeros ahead of the records of an open log: see `StoredVolume+extend.swift`.
@Suite struct ExtendedLogTests {
  private func fileLength(_ test: TestStore) throws -> Int {
    try readFile(test.folder.file(endingIn: ".log")).count
  }

  @Test func fewSmallRecordsMakeTheFileLonger() async throws {
    let test = try TestStore()
    try await test.store.createVolume(TestStore.volume)
    var lengths: Set<Int> = []
    for index in 0..<64 {
      let record = try EncodedRecord.chunk(UInt64(index), length: 1000)
      try await test.store.append(record, to: TestStore.volume)
      let file = try readFile(test.folder.file(endingIn: ".log"))
      #expect(file.dropFirst(try test.log().count).allSatisfy { $0 == 0 })
      lengths.insert(file.count)
    }
    #expect(lengths.count < 8)
    #expect(try fileLength(test) < test.log().count + 32_000)
    await test.store.close()
  }

  @Test func closingAndSealingEndTheFileWithItsRecords() async throws {
    let test = try TestStore()
    try await test.store.fill([try .chunk(1)])
    #expect(try fileLength(test) > test.log().count)
    let again = try await test.reopened()
    #expect(try fileLength(test) == test.log().count)
    try await again.store.append(.chunk(2), to: TestStore.volume)
    #expect(try fileLength(again) > again.log().count)
    try await again.store.seal(TestStore.volume)
    #expect(try fileLength(again) == again.log().count)
    await again.store.close()
  }

  @Test func aCrashLeavesNoDamage() async throws {
    let test = try TestStore()
    let records = try (1...20).map { try EncodedRecord.chunk($0, length: 700) }
    try await test.store.fill(records)
    let crashed = try test.crashed()
    #expect(try fileLength(crashed) == test.log().count)
    #expect(crashed.store.volumes().map(\.damagedCount) == [0])
    for record in records { #expect(try await crashed.store.holds(record)) }
    await crashed.store.close()
    await test.store.close()
  }

  @Test func largeRecordsAreFollowedByNothing() async throws {
    let test = try TestStore()
    try await test.store.fill([try .chunk(1, length: 1 << 20)])
    #expect(try fileLength(test) == test.log().count)
    await test.store.close()
  }

  @Test func aDiskThatIsNearlyFullIsLeftToTheData() async throws {
    let test = try TestStore { $0.freeSpaceMin = 1 << 20 }
    test.disk.set { $0.free = 3 << 19 }
    test.clock.advance(seconds: 2)
    try await test.store.fill([try .chunk(1)])
    #expect(try fileLength(test) == test.log().count)
    await test.store.close()
  }

  @Test func asynchronousWritesNeedNoZeros() async throws {
    let test = try TestStore { $0.durability = .async }
    try await test.store.fill([try .chunk(1)])
    #expect(try fileLength(test) == test.log().count)
    await test.store.close()
  }

  /// The log after a power cut that kept a later sector of the last batch, but not the one at `unwritten`.
  private func opened(_ test: TestStore, without unwritten: Int) throws -> TestStore {
    var log = try test.log()
    let sector = unwritten / 512 * 512
    for index in sector..<min(sector + 512, log.count) { log[index] = 0 }
    let copy = try test.folder.copy()
    try writeFile(try copy.file(endingIn: ".log"), log)
    return try TestStore(copy)
  }

  @Test func aBatchThatWasWrittenInPartIsNoDamage() async throws {
    let test = try TestStore()
    try await test.store.fill([try .chunk(1, length: 3000)])
    let start = try test.log().count
    let batch = try (2...9).map { try EncodedRecord.chunk($0, length: 900, metadata: 20) }
    try await test.store.fill(batch)
    let end = try test.log().count - batch[7].header.paddedLength
    // From the first sector that is the batch's alone.
    for unwritten in stride(from: (start / 512 + 1) * 512, to: end, by: 512) {
      let crashed = try opened(test, without: unwritten)
      #expect(crashed.store.volumes().map(\.damagedCount) == [0], "without the sector at \(unwritten)")
      #expect(try await crashed.store.holds(.chunk(1, length: 3000)))
      #expect(try await crashed.store.holds(batch[7]) || unwritten + 512 > end)
      // What was not acknowledged can be stored again.
      for record in batch { try await crashed.store.append(record, to: TestStore.volume) }
      let again = try await crashed.reopened()
      for record in batch { #expect(try await again.store.holds(record)) }
      await again.store.close()
    }
    await test.store.close()
  }

  /// A later start finds the gap far from the log's end, and must still know what it is.
  @Test func whatABatchLacksIsNoDamageLaterEither() async throws {
    let test = try TestStore()
    try await test.store.fill([try .chunk(1, length: 3000)])
    let start = try test.log().count
    try await test.store.fill((2...9).map { try .chunk($0, length: 900) })
    let crashed = try opened(test, without: (start / 512 + 1) * 512)
    #expect(crashed.store.volumes().map(\.damagedCount) == [0])
    for index in UInt64(10)..<110 { try await crashed.store.append(.chunk(index, length: 900), to: TestStore.volume) }
    let again = try crashed.crashed()
    #expect(again.store.volumes().map(\.damagedCount) == [0])
    for index in UInt64(10)..<110 { #expect(try await again.store.holds(.chunk(index, length: 900))) }
    await again.store.close()
    await crashed.store.close()
    await test.store.close()
  }

  @Test func zerosFartherFromTheEndThanAnyBatchAreDamage() async throws {
    let test = try TestStore()
    let records = try (1...100).map { try EncodedRecord.chunk($0, length: 2000) }
    try await test.store.fill(records)
    let crashed = try opened(test, without: 20_000)
    #expect(crashed.store.volumes()[0].damagedCount > 0)
    await crashed.store.close()
    await test.store.close()
  }
}
