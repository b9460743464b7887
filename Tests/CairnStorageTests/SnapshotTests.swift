import CairnModel
import CairnStorage
import Foundation
import Testing

@Suite struct SnapshotTests {
  private let records = try? (1...40).map { try EncodedRecord.chunk($0) }

  /// A closed store with records, some of them garbage, and an index file for all of it.
  private func closedStore() async throws -> (TestStore, [EncodedRecord]) {
    let test = try TestStore { $0.garbageGrace = .zero }
    let records = try #require(records)
    try await test.store.fill(records)
    try await test.store.append(
      .tombstone(99, garbage: records.prefix(10).map { $0.location() }), to: TestStore.volume)
    await test.store.maintain()
    await test.store.close()
    return (test, records)
  }

  private func check(_ test: TestStore, _ records: [EncodedRecord]) async throws {
    test.clock.advance(seconds: 10)
    await test.store.maintain()
    for record in records.prefix(10) { #expect(try await test.store.read(record.location()) == nil) }
    for record in records.dropFirst(10) { #expect(try await test.store.holds(record)) }
    #expect(test.store.volumes().map(\.blobCount) == [30])
    await test.store.close()
  }

  @Test func startReadsNothingThatTheIndexHas() async throws {
    let (test, records) = try await closedStore()
    // Were the log read, this would be found.
    let path = try test.folder.file(endingIn: ".log")
    var log = try readFile(path)
    log[128 + 60] ^= 1
    try writeFile(path, log)
    let again = try TestStore(test.folder)
    #expect(again.store.volumes().map(\.damagedCount) == [0])
    await #expect(throws: StorageError.self) { _ = try await again.store.read(records[0].location()) }
    await again.store.close()
  }

  @Test func missingIndexIsMadeAnew() async throws {
    let (test, records) = try await closedStore()
    try FileManager.default.removeItem(atPath: test.folder.file(endingIn: ".index"))
    try await check(TestStore(test.folder, clock: test.clock.now()), records)
    #expect(test.folder.files(endingIn: ".index").count == 1)
  }

  @Test func damagedIndexIsMadeAnew() async throws {
    let (test, records) = try await closedStore()
    let index = try readFile(test.folder.file(endingIn: ".index"))
    for position in stride(from: 0, to: index.count, by: 13) {
      let copy = try test.folder.copy()
      var damaged = index
      damaged[position] ^= 1 << UInt8(position % 8)
      try writeFile(try copy.file(endingIn: ".index"), damaged)
      try await check(TestStore(copy, clock: test.clock.now()), records)
    }
    for length in [0, 1, 55, 56, 100, index.count - 1] {
      let copy = try test.folder.copy()
      try writeFile(try copy.file(endingIn: ".index"), index.prefix(length))
      try await check(TestStore(copy, clock: test.clock.now()), records)
    }
  }

  /// Offsets of a field in the index file, and what somebody who also mends the checksum could write there.
  private static let contradictions: [(position: Int, value: UInt64)] = {
    let (logEnd, entry, dying) = (24, 56 + 16, 56 + 41 * 24)
    let last = UInt64.max
    return [
      (logEnd, last), (logEnd, 0), (logEnd, 127), (entry, last), (entry, 0), (entry + 24, 16), (dying, 41),
      (dying, last),
    ]
  }()

  @Test(arguments: contradictions)
  func anIndexThatContradictsItselfIsMadeAnew(position: Int, value: UInt64) async throws {
    let (test, records) = try await closedStore()
    var index = try readFile(test.folder.file(endingIn: ".index"))
    let bytes = withUnsafeBytes(of: value.littleEndian) { Array($0) }
    index.replaceSubrange(position..<position + 8, with: bytes)
    let crc = index.dropLast(4).withUnsafeBytes(CRC32C.checksum)
    index.replaceSubrange(index.count - 4..<index.count, with: withUnsafeBytes(of: crc.littleEndian) { Array($0) })
    try writeFile(try test.folder.file(endingIn: ".index"), index)
    try await check(TestStore(test.folder, clock: test.clock.now()), records)
  }

  @Test func oldIndexIsCompletedFromTheLog() async throws {
    let test = try TestStore { $0.garbageGrace = .zero }
    let records = try #require(records)
    try await test.store.fill(Array(records.prefix(5)))
    let early = try await test.reopened { $0.garbageGrace = .zero }
    let index = try readFile(test.folder.file(endingIn: ".index"))
    try await early.store.fill(Array(records.dropFirst(5)))
    try await early.store.append(
      .tombstone(99, garbage: records.prefix(10).map { $0.location() }), to: TestStore.volume)
    await early.store.close()
    try writeFile(try test.folder.file(endingIn: ".index"), index)
    try await check(TestStore(test.folder, clock: test.clock.now()), records)
  }

  @Test func indexOfALongerLogIsNotBelieved() async throws {
    let (test, records) = try await closedStore()
    let path = try test.folder.file(endingIn: ".log")
    try writeFile(path, try readFile(path).prefix(128 + records[0].header.paddedLength))
    let again = try TestStore(test.folder, clock: test.clock.now())
    #expect(again.store.volumes().map(\.blobCount) == [1])
    #expect(try await again.store.read(records[1].location()) == nil)
    await again.store.close()
  }

  @Test func leftOverTemporaryFilesAreRemoved() async throws {
    let (test, records) = try await closedStore()
    let (log, index) = (try test.folder.file(endingIn: ".log"), try test.folder.file(endingIn: ".index"))
    for path in [log, index] { try writeFile(path + ".tmp", [1, 2, 3]) }
    try writeFile(test.folder.path + "/node.json.tmp", [1, 2, 3])
    // Of a volume that was being made.
    try writeFile(index.replacing("00000000000000a1", with: "00000000000000b2"), [1, 2, 3])
    let again = try TestStore(test.folder, clock: test.clock.now())
    #expect(test.folder.files(endingIn: ".tmp").isEmpty)
    #expect(test.folder.files(endingIn: ".index") == [index])
    try await check(again, records)
  }

  @Test func indexIsWrittenAsTheLogGrows() async throws {
    let test = try TestStore { $0.snapshotTailMax = 10_000 }
    try await test.store.createVolume(TestStore.volume)
    for round in 0..<20 {
      for index in 0..<20 {
        try await test.store.append(.chunk(UInt64(round * 20 + index)), to: TestStore.volume)
      }
      await test.store.maintain()
    }
    let written = test.store.metrics.snapshots
    #expect(written >= 3)
    #expect(written <= 6, "as the log grows, it is written less often")
    try await test.store.append(.chunk(1000), to: TestStore.volume)
    await test.store.maintain()
    #expect(test.store.metrics.snapshots == written)
    try await test.store.seal(TestStore.volume)
    await test.store.maintain()
    #expect(test.store.metrics.snapshots == written + 1)
    await test.store.maintain()
    #expect(test.store.metrics.snapshots == written + 1)
    await test.store.close()
  }
}
