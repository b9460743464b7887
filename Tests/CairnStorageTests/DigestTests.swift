import CairnModel
import CairnStorage
import CairnTestSupport
import Testing

@Suite struct DigestTests {
  @Test func orderAndGarbageMakeNoDifference() async throws {
    var random = SeededGenerator.forTest()
    let change: @Sendable (inout StorageConfiguration) -> Void = { $0.garbageGrace = .zero }
    let live = try (0..<50).map { try EncodedRecord.chunk($0, length: Int.random(in: 0..<40_000, using: &random)) }
    let dead = try (100..<150).map { try EncodedRecord.chunk($0, length: 3000) }
    let tombstone = try EncodedRecord.tombstone(200, garbage: dead.map { $0.location() })
    let (plain, mixed) = (try TestStore(nil, change), try TestStore(nil, change))
    try await plain.store.fill(live + [tombstone])
    try await mixed.store.fill((live + dead).shuffled(using: &random) + [tombstone])
    let expected = try await plain.store.digest(of: TestStore.volume)
    #expect(expected.count == 51)
    #expect(try await mixed.store.digest(of: TestStore.volume) == expected)
    let blobs = try await mixed.store.blobs(in: TestStore.volume)
    #expect(blobs == blobs.sorted { $0.blob < $1.blob })
    let same = try await plain.store.blobs(in: TestStore.volume)
    #expect(blobs == same)
    #expect(
      Set(blobs)
        == Set(
          (live + [tombstone]).map {
            ReplicaBlob(blob: $0.header.blob, headerCRC: $0.header.headerCRC, payloadCRC: $0.header.payloadCRC)
          }))

    try await mixed.store.seal(TestStore.volume)
    mixed.clock.advance(seconds: 5)
    await mixed.store.compact()
    #expect(try await mixed.store.digest(of: TestStore.volume) == expected)
    let again = try await mixed.reopened(change)
    #expect(try await again.store.digest(of: TestStore.volume) == expected)
    await again.store.close()
    await plain.store.close()
  }

  @Test func everyDifferenceMakesAnotherDigest() async throws {
    let test = try TestStore()
    let records = try (1...20).map { try EncodedRecord.chunk($0) }
    try await test.store.fill(records)
    let whole = try await test.store.digest(of: TestStore.volume)
    for left in records.indices {
      let other = VolumeID(rawValue: UInt64(left) + 1000)
      try await test.store.fill(Array(records[..<left]) + Array(records[(left + 1)...]), of: other)
      #expect(try await test.store.digest(of: other) != whole)
      // The same id with other bytes.
      try await test.store.append(.chunk(UInt64(left) + 1, length: 99), to: other)
      #expect(try await test.store.digest(of: other) != whole)
      #expect(try await test.store.digest(of: other).count == 20)
    }
    await test.store.close()
  }

  @Test func damageThatIsKnownIsLeftOutUntilItIsRestored() async throws {
    let test = try TestStore()
    let records = try (1...5).map { try EncodedRecord.chunk($0, length: 5000) }
    try await test.store.fill(records)
    let whole = try await test.store.digest(of: TestStore.volume)
    try test.damage(3, of: records)
    _ = try await test.store.scrub(TestStore.volume)
    #expect(try await test.store.digest(of: TestStore.volume) != whole)
    #expect(
      try await test.store.blobs(in: TestStore.volume).map(\.blob) == [0, 1, 2, 4].map { records[$0].header.blob })
    try await test.store.restore(records[3], to: TestStore.volume)
    #expect(try await test.store.digest(of: TestStore.volume) == whole)
    await test.store.close()
  }
}
