import CairnModel
import CairnStorage
import CairnTestSupport
import Glibc
import Testing

@Suite struct ScrubTests {
  @Test func everyFlippedByteOfARecordIsFound() async throws {
    var random = SeededGenerator.forTest()
    let records = try [EncodedRecord.chunk(1), .chunk(2, length: 2_000_000), .chunk(3, metadata: 30), .chunk(4)]
    for _ in 0..<20 {
      let test = try TestStore()
      try await test.store.fill(records)
      let clean = try await test.store.scrub(TestStore.volume)
      #expect(clean.damaged.isEmpty)
      #expect(clean.recordCount == 4)
      #expect(clean.byteCount == records.reduce(0) { $0 + UInt64($1.header.paddedLength) })

      let index = Int.random(in: 0..<4, using: &random)
      let start = records[..<index].reduce(128) { $0 + $1.header.paddedLength }
      try test.flip(UInt64(start + Int.random(in: 0..<records[index].header.length, using: &random)))
      for _ in 0..<2 {
        let report = try await test.store.scrub(TestStore.volume)
        #expect(report.damaged.map(\.blob) == [records[index].header.blob])
        #expect(report.damaged.map(\.offset) == [UInt64(start)])
        #expect(report.damaged.map(\.length) == [UInt64(records[index].header.length)])
        #expect(try test.store.damaged(in: TestStore.volume) == [records[index].header.blob])
        #expect(test.store.volume(TestStore.volume)?.damagedCount == 1)
      }
      try await test.store.restore(records[index], to: TestStore.volume)
      #expect(try await test.store.scrub(TestStore.volume).damaged.isEmpty)
      #expect(test.store.volume(TestStore.volume)?.damagedCount == 0)
      await test.store.close()
    }
  }

  @Test func damageThatWentAwayIsForgotten() async throws {
    let test = try TestStore()
    let records = [try EncodedRecord.chunk(1)]
    try await test.store.fill(records)
    try test.damage(0, of: records)
    _ = try await test.store.scrub(TestStore.volume)
    try test.damage(0, of: records)
    #expect(try await test.store.scrub(TestStore.volume).damaged.isEmpty)
    #expect(try test.store.damaged(in: TestStore.volume).isEmpty)
    await test.store.close()
  }

  @Test func whatIsReadOftenStaysInThePageCache() async throws {
    let test = try TestStore()
    let records = try (1...200).map { try EncodedRecord.chunk($0, length: 3000) }
    try await test.store.fill(records)
    let log = try test.folder.file(endingIn: ".log")
    let before = try cachedPages(of: log)
    #expect(before > 100)
    #expect(try await test.store.scrub(TestStore.volume).recordCount == 200)
    // The system may need some for others.
    #expect(try cachedPages(of: log) > before * 9 / 10)
    await test.store.close()
  }

  /// Pages of a file that the system has in memory.
  private func cachedPages(of path: String) throws -> Int {
    let descriptor = open(path, O_RDONLY)
    guard descriptor >= 0 else { throw Surprise("open: \(errno)") }
    defer { close(descriptor) }
    let length = Int(lseek(descriptor, 0, SEEK_END))
    guard let start = mmap(nil, length, PROT_READ, MAP_SHARED, descriptor, 0), start != MAP_FAILED else {
      throw Surprise("mmap: \(errno)")
    }
    defer { munmap(start, length) }
    let pageSize = Int(sysconf(Int32(_SC_PAGESIZE)))
    var pages = [UInt8](repeating: 0, count: (length + pageSize - 1) / pageSize)
    guard mincore(start, length, &pages) == 0 else { throw Surprise("mincore: \(errno)") }
    return pages.count { $0 & 1 == 1 }
  }

  @Test func itReadsNoFasterThanItMay() async throws {
    let test = try TestStore()
    try await test.store.fill([.chunk(1, length: 1 << 20), .chunk(2, length: 1 << 20)])
    let duration = try await ContinuousClock().measure {
      _ = try await test.store.scrub(TestStore.volume, bytesPerSecond: 8 << 20)
    }
    #expect(duration >= .milliseconds(250))
    await test.store.close()
  }

  @Test func theStoreScrubsByItself() async throws {
    let test = try TestStore(nil) { $0.scrubRate = 1 << 30 }
    let records = [try EncodedRecord.chunk(1), try .chunk(2)]
    try await test.store.fill(records)
    try test.damage(1, of: records)
    let running = Task { await test.store.run() }
    try await eventually("the damage is found") { test.store.volume(TestStore.volume)?.damagedCount == 1 }
    running.cancel()
    await running.value
    #expect(try test.store.damaged(in: TestStore.volume) == [records[1].header.blob])
    await test.store.close()
  }

  @Test func aDroppedVolumeEndsItsScrub() async throws {
    let test = try TestStore()
    try await test.store.fill([.chunk(1, length: 1 << 20), .chunk(2, length: 1 << 20)])
    let scrub = Task { try await test.store.scrub(TestStore.volume, bytesPerSecond: 4 << 20) }
    try await test.store.dropVolume(TestStore.volume)
    await #expect(throws: StorageError.unknownVolume(TestStore.volume)) { _ = try await scrub.value }
    await test.store.close()
  }
}
