import CairnModel
import CairnStorage
import Foundation
import NIOCore
import Testing

@Suite struct RecoveryTests {
  /// Opens a copy of `folder` whose one log has these bytes.
  private func opened(_ folder: TemporaryFolder, log: some Sequence<UInt8>) throws -> TestStore {
    let copy = try folder.copy()
    try writeFile(try copy.file(endingIn: ".log"), log)
    return try TestStore(copy)
  }

  @Test func tornTailIsCutOffAtEveryByte() async throws {
    let test = try TestStore()
    let kept = try [EncodedRecord.chunk(1), .chunk(2, length: 3)]
    let torn = try EncodedRecord.chunk(3, length: 61, metadata: 5)
    try await test.store.fill(kept)
    let whole = test.store.volumes()[0].logBytes
    try await test.store.append(torn, to: TestStore.volume)
    let log = try test.log()
    // The padding is no part of the record: without it the record is whole.
    let needed = Int(whole) + torn.header.length
    for end in Int(whole)...log.count {
      let crashed = try opened(test.folder, log: log[..<end])
      for record in kept { #expect(try await crashed.store.holds(record)) }
      #expect(try await crashed.store.holds(torn) == (end >= needed), "cut at \(end)")
      #expect(crashed.store.volumes()[0].damagedCount == 0)
      // And it goes on from there.
      let next = try EncodedRecord.chunk(4)
      try await crashed.store.append(next, to: TestStore.volume)
      try await crashed.store.append(torn, to: TestStore.volume)
      let again = try await crashed.reopened()
      for record in kept + [torn, next] { #expect(try await again.store.holds(record), "cut at \(end)") }
      #expect(try again.store.scanBlocking(TestStore.volume) { _, _ in }.damaged.isEmpty)
      await again.store.close()
    }
    await test.store.close()
  }

  /// A process that is killed before its sync leaves whole records in the page cache, and the next one serves them.
  @Test func recordsThatTheLastProcessMayNotHaveSyncedAreSynced() async throws {
    let test = try TestStore()
    try await test.store.fill([try .chunk(1)])
    let crashed = try opened(test.folder, log: try test.log())
    #expect(try await crashed.store.holds(.chunk(1)))
    #expect(crashed.disk.syncs == 1)
    // Once an index file knows them, they are on the disk.
    let again = try await crashed.reopened()
    #expect(again.disk.syncs == 0)
    await again.store.close()
    await test.store.close()
  }

  @Test func zerosAndGarbageBehindTheLastRecordAreCutOff() async throws {
    let test = try TestStore()
    try await test.store.fill([try .chunk(1)])
    let log = try test.log()
    for tail in [[UInt8](repeating: 0, count: 5000), (0..<3001).map { UInt8(truncatingIfNeeded: $0 &* 37) }] {
      let crashed = try opened(test.folder, log: log + tail)
      #expect(try readFile(crashed.folder.file(endingIn: ".log")).count == log.count)
      #expect(try await crashed.store.holds(.chunk(1)))
      await crashed.store.close()
    }
    await test.store.close()
  }

  @Test func damageInTheMiddleCostsOnlyTheRecordThatItHits() async throws {
    let test = try TestStore()
    let records = try [EncodedRecord.chunk(1), .chunk(2, length: 40, metadata: 9), .chunk(3)]
    try await test.store.fill([records[0]])
    let start = Int(test.store.volumes()[0].logBytes)
    try await test.store.fill([records[1]])
    let end = start + records[1].header.length
    try await test.store.fill([records[2]])
    let whole = try test.log()
    for position in start..<end {
      var damaged = whole
      damaged[position] ^= 1 << UInt8(position % 8)
      let crashed = try opened(test.folder, log: damaged)
      #expect(try await crashed.store.holds(records[0]))
      #expect(try await crashed.store.read(records[1].location()) == nil, "flipped at \(position)")
      #expect(try await crashed.store.holds(records[2]), "flipped at \(position)")
      #expect(crashed.store.volumes()[0].damagedCount == 1)
      let report = try crashed.store.scanBlocking(TestStore.volume) { _, _ in }
      #expect(report.recordCount == 2)
      #expect(report.damaged.map(\.offset) == [UInt64(start)])
      #expect(report.damaged.map(\.length) == [UInt64(records[1].header.paddedLength)])
      await crashed.store.close()
    }
    await test.store.close()
  }

  @Test func damagedLastRecordIsCutOff() async throws {
    let test = try TestStore()
    try await test.store.fill([try .chunk(1)])
    let start = test.store.volumes()[0].logBytes
    try await test.store.fill([try .chunk(2)])
    var log = try test.log()
    log[Int(start) + 60] ^= 0x10
    let crashed = try opened(test.folder, log: log)
    #expect(try await crashed.store.holds(.chunk(1)))
    #expect(crashed.store.volumes()[0].logBytes == start)
    try await crashed.store.append(.chunk(2), to: TestStore.volume)
    #expect(try await crashed.store.holds(.chunk(2)))
    await crashed.store.close()
    await test.store.close()
  }

  @Test func recordInsideADamagedPayloadIsNotTakenForOne() async throws {
    let test = try TestStore()
    let inner = try EncodedRecord.chunk(7)
    var payload = inner.prefix
    payload.writeImmutableBuffer(inner.payload)
    payload.writeRepeatingByte(0, count: 100)
    let outer = try EncodedRecord(
      Record(
        kind: .chunk, blob: BlobID(high: 1, low: 1), timestamp: Timestamp(clampingMillisecondsSinceEpoch: 1),
        metadata: .init(), payload: payload))
    try await test.store.fill([outer, try .chunk(2)])
    var log = try test.log()
    // In the last bytes of the outer payload, behind the inner record.
    log[128 + outer.header.length - 1] ^= 1
    let crashed = try opened(test.folder, log: log)
    #expect(try await crashed.store.read(inner.location()) == nil)
    #expect(try await crashed.store.holds(.chunk(2)))
    await crashed.store.close()
    await test.store.close()
  }

  @Test func damageUnderARunningStoreIsFoundAndNotServed() async throws {
    let test = try TestStore()
    let (small, large) = (try EncodedRecord.chunk(1), try EncodedRecord.chunk(2, length: 1 << 20))
    try await test.store.fill([small, large])
    let path = try test.folder.file(endingIn: ".log")
    let handle = try #require(FileHandle(forUpdatingAtPath: path))
    for offset: UInt64 in [128 + 100, 128 + 500_000] {
      try handle.seek(toOffset: offset)
      let byte = try #require(try handle.read(upToCount: 1)?.first)
      try handle.seek(toOffset: offset)
      try handle.write(contentsOf: [byte ^ 4])
    }
    try handle.close()
    for record in [small, large] {
      do throws(StorageError) {
        _ = try await test.store.read(record.location())
        Issue.record("damage was served")
      } catch {
        guard case .corrupt(record.location(), .badChecksum) = error else { throw error }
      }
    }
    #expect(test.store.metrics.corruptReads == 2)
    await test.store.close()
  }

  @Test func newerFormatsAreRefused() async throws {
    let test = try TestStore()
    try await test.store.fill([try .chunk(1)])
    await test.store.close()
    let log = try test.log()

    var newerLog = log
    newerLog[4] = 2
    newerLog.replaceSubrange(60..<64, with: checksum(newerLog[..<60]))
    #expect(throws: StorageError.self) { _ = try opened(test.folder, log: newerLog) }

    // A record of a newer format behind the index: intact, so not to be cut off.
    var record = log[128...].map { $0 }
    record[4] = 2
    record.replaceSubrange(44..<48, with: checksum(record[..<44]))
    let error = #expect(throws: StorageError.self) { _ = try opened(test.folder, log: log + record) }
    guard case .format(.newerVersion(_, 2, 1), _) = error else { throw Surprise("\(String(describing: error))") }
    // Only the version is damaged: nothing but a torn tail.
    var torn = log[128...].map { $0 }
    torn[4] = 2
    let crashed = try opened(test.folder, log: log + torn)
    #expect(crashed.store.volumes()[0].logBytes == UInt64(log.count))
    await crashed.store.close()
  }

  private func checksum(_ bytes: some Sequence<UInt8>) -> [UInt8] {
    withUnsafeBytes(of: Array(bytes).withUnsafeBytes(CRC32C.checksum).littleEndian) { Array($0) }
  }

  @Test func damagedLogHeaderLeavesTheRecordsReadable() async throws {
    let test = try TestStore()
    try await test.store.fill([try .chunk(1), try .chunk(2)])
    await test.store.close()
    var log = try test.log()
    log[20] ^= 1
    let crashed = try opened(test.folder, log: log)
    #expect(try await crashed.store.holds(.chunk(1)))
    #expect(try await crashed.store.holds(.chunk(2)))
    #expect(crashed.store.volumes().map(\.state) == [.sealed])
    await crashed.store.close()
  }

  @Test func sealedLogIsNeverCut() async throws {
    let test = try TestStore()
    try await test.store.fill([try .chunk(1), try .chunk(2)])
    try await test.store.seal(TestStore.volume)
    var log = try test.log()
    log[log.count - 20] ^= 1
    let crashed = try opened(test.folder, log: log)
    let summary = crashed.store.volumes()[0]
    #expect(summary.logBytes == UInt64(log.count))
    #expect(summary.damagedCount == 1)
    #expect(try await crashed.store.holds(.chunk(1)))
    await crashed.store.close()
    #expect(try readFile(crashed.folder.file(endingIn: ".log")) == log)
    await test.store.close()
  }

  /// Its checksum is right, so no bit has flipped: somebody wrote it.
  @Test(arguments: [0, 127, 1 << 35, 1 << 63, UInt64.max])
  func aSealThatNoLogReachesCountsAsDamaged(end: UInt64) async throws {
    let test = try TestStore()
    try await test.store.fill([try .chunk(1)])
    try await test.store.seal(TestStore.volume)
    var log = try test.log()
    log.replaceSubrange(72..<80, with: withUnsafeBytes(of: end.littleEndian) { Array($0) })
    log.replaceSubrange(124..<128, with: checksum(log[64..<124]))
    let crashed = try opened(test.folder, log: log)
    #expect(crashed.store.volumes().map(\.state) == [.sealed])
    #expect(crashed.store.volumes().map(\.logBytes) == [UInt64(log.count)])
    #expect(try await crashed.store.holds(.chunk(1)))
    #expect(try crashed.store.scanBlocking(TestStore.volume) { _, _ in }.recordCount == 1)
    await crashed.store.maintain()
    await crashed.store.close()
    await test.store.close()
  }

  @Test func halfWrittenSealCountsAsSealed() async throws {
    let test = try TestStore()
    try await test.store.fill([try .chunk(1)])
    var log = try test.log()
    log[70] = 1
    let crashed = try opened(test.folder, log: log)
    #expect(crashed.store.volumes().map(\.state) == [.sealed])
    #expect(try await crashed.store.holds(.chunk(1)))
    await crashed.store.close()
    await test.store.close()
  }
}
