import CairnModel
import CairnStorage
import Testing

@Suite struct ScanTests {
  private func scan(_ store: VolumeStore, from offset: UInt64 = 0) throws -> ([(UInt64, BlobID)], ScanReport) {
    var found: [(UInt64, BlobID)] = []
    let report = try store.scanBlocking(TestStore.volume, from: offset) { found.append(($0, $1.header.blob)) }
    return (found, report)
  }

  @Test func everyRecordComesInLogOrderAndAScanGoesOnWhereOneEnded() async throws {
    let test = try TestStore()
    // More than one window of the scanner, and a record longer than it.
    let lengths = [0, 5, 700_000, 300_000, 100, 3 << 20, 7, 900_000, 200_000]
    let records = try lengths.enumerated().map { try EncodedRecord.chunk(UInt64($0), length: $1) }
    try await test.store.fill(Array(records.prefix(5)))
    let (first, report) = try scan(test.store)
    #expect(first.map(\.1) == records.prefix(5).map(\.header.blob))
    #expect(report.end == test.store.volumes()[0].durableEnd)
    try await test.store.fill(Array(records.dropFirst(5)))
    let (second, last) = try scan(test.store, from: report.end)
    #expect(second.map(\.1) == records.dropFirst(5).map(\.header.blob))
    #expect(try scan(test.store, from: last.end).0.isEmpty)
    // And from each offset that a scan tells.
    let (all, _) = try scan(test.store)
    for (index, (offset, _)) in all.enumerated() {
      #expect(try scan(test.store, from: offset).0.map(\.1) == records.dropFirst(index).map(\.header.blob))
    }
    await test.store.close()
  }

  @Test func scannedRecordsAreWhole() async throws {
    let test = try TestStore()
    let records = try (0..<20).map { try EncodedRecord.chunk($0, length: Int($0) * 9000, metadata: 30) }
    try await test.store.fill(records)
    var index = 0
    _ = try test.store.scanBlocking(TestStore.volume) { _, record in
      #expect(record.record == records[index].record)
      index += 1
    }
    #expect(index == 20)
    await test.store.close()
  }

  @Test func scanEndsWhereItsBodyThrows() async throws {
    let test = try TestStore()
    try await test.store.fill([try .chunk(1), try .chunk(2)])
    await #expect(throws: Surprise.self) {
      _ = try await test.store.scan(TestStore.volume) { _, _ in throw Surprise("enough") }
    }
    await #expect(throws: StorageError.unknownVolume(VolumeID(rawValue: 3))) {
      _ = try await test.store.scan(VolumeID(rawValue: 3)) { _, _ in }
    }
    await test.store.close()
  }

  @Test func rewrittenLogComesAgainOnlyToWhoHadNotReadItToItsEnd() async throws {
    let test = try TestStore { $0.garbageGrace = .zero }
    let records = try (0..<6).map { try EncodedRecord.chunk($0) }
    try await test.store.fill(records)
    let middle = try scan(test.store).0[4].0
    try await test.store.append(.tombstone(9, garbage: records.prefix(5).map { $0.location() }), to: TestStore.volume)
    try await test.store.seal(TestStore.volume)
    let end = test.store.volumes()[0].durableEnd
    test.clock.advance(seconds: 5)
    #expect(await test.store.compact() > 0)
    #expect(try scan(test.store, from: end).0.isEmpty)
    let (again, report) = try scan(test.store, from: middle)
    #expect(again.map(\.1) == [records[5].header.blob, try EncodedRecord.tombstone(9, garbage: []).header.blob])
    #expect(report.end == end)
    #expect(again.allSatisfy { $0.0 < end })
    await test.store.close()
  }
}
