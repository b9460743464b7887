import CairnModel
import CairnStorage
import CairnTestSupport
import NIOCore
import Testing

@Suite struct AppendTests {
  /// Around every limit at which the engine takes another way: alignment, copying, buffering, reading by region.
  @Test(arguments: [
    0, 1, 7, 8, 9, 4095, 4096, 64 << 10 - 1, 64 << 10, 256 << 10 - 48, 256 << 10 - 47, 512 << 10, 1 << 20, 8 << 20,
  ])
  func recordReadsBackTheSame(length: Int) async throws {
    let test = try TestStore()
    let records = try [5, 0, 64 << 10].enumerated().map { index, metadata in
      try EncodedRecord.chunk(UInt64(index), length: length, metadata: metadata)
    }
    try await test.store.fill(records)
    for record in records { #expect(try await test.store.holds(record)) }
    let again = try await test.reopened()
    for record in records { #expect(try await again.store.holds(record)) }
    #expect(again.store.volumes().map(\.blobCount) == [3])
    await again.store.close()
  }

  @Test func largeRecordIsARegionOfItsLog() async throws {
    let test = try TestStore()
    let record = try EncodedRecord.chunk(1, length: 1 << 20, metadata: 77)
    try await test.store.fill([record])
    let blob = try #require(try await test.store.read(record.location()))
    guard case .file(let file) = blob.payload else { throw Surprise("not a region") }
    #expect(file.length == 1 << 20)
    let region = file.region(1000..<5000)
    #expect(region.readableBytes == 4000)
    let log = try test.log()
    let expected = Array(record.payload.readableBytesView[1000..<5000])
    #expect(Array(log[region.readerIndex..<region.endIndex]) == expected)
    #expect(Array(try await file.read(1000..<5000).readableBytesView) == expected)
    await test.store.close()
    // Who has the blob goes on reading it.
    #expect(Array(try await file.read(1000..<5000).readableBytesView) == expected)
  }

  @Test func readsGoToAThreadWhereThePageCacheDoesNotAnswer() async throws {
    let test = try TestStore()
    let record = try EncodedRecord.chunk(1)
    try await test.store.fill([record])
    test.disk.set { $0.pageCacheAnswers = false }
    guard case .wouldBlock = try test.store.readCached(record.location()) else { throw Surprise("did not block") }
    #expect(try await test.store.holds(record))
    #expect(test.store.metrics.cachedReads == 0)
    test.disk.set { $0.pageCacheAnswers = true }
    // The system may hold a page for a moment.
    try await eventually("the page cache answers") {
      if case .found = try test.store.readCached(record.location()) { true } else { false }
    }
    #expect(test.store.metrics.cachedReads == 1)
    await test.store.close()
  }

  @Test func repeatedAppendSucceedsAndIsKeptOnce() async throws {
    let test = try TestStore()
    let record = try EncodedRecord.chunk(1)
    try await test.store.fill([record, record])
    try await test.store.seal(TestStore.volume)
    try await test.store.append(record, to: TestStore.volume)
    #expect(try test.store.scanBlocking(TestStore.volume) { _, _ in }.recordCount == 1)
    await test.store.close()
  }

  @Test func repeatedAppendInOneBatchIsKeptOnce() async throws {
    let test = try TestStore()
    try await test.store.createVolume(TestStore.volume)
    let record = try EncodedRecord.chunk(1)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<50 { group.addTask { try await test.store.append(record, to: TestStore.volume) } }
      try await group.waitForAll()
    }
    #expect(try test.store.scanBlocking(TestStore.volume) { _, _ in }.recordCount == 1)
    await test.store.close()
  }

  @Test func anotherRecordOfABlobIsRefused() async throws {
    let test = try TestStore()
    let record = try EncodedRecord.chunk(1)
    let other = try EncodedRecord.chunk(1, length: 101)
    try await test.store.fill([record])
    await #expect(throws: StorageError.duplicateBlob(other.location())) {
      try await test.store.append(other, to: TestStore.volume)
    }
    #expect(try await test.store.holds(record))
    await test.store.close()
  }

  @Test func sealedVolumeRefusesAppends() async throws {
    let test = try TestStore()
    try await test.store.fill([try .chunk(1)])
    try await test.store.seal(TestStore.volume)
    try await test.store.seal(TestStore.volume)
    await #expect(throws: StorageError.volumeSealed(TestStore.volume)) {
      try await test.store.append(.chunk(2), to: TestStore.volume)
    }
    let crashed = try test.crashed()
    await #expect(throws: StorageError.volumeSealed(TestStore.volume)) {
      try await crashed.store.append(.chunk(2), to: TestStore.volume)
    }
    #expect(crashed.store.volumes().map(\.state) == [.sealed])
    await test.store.close()
    await crashed.store.close()
  }

  @Test func fullVolumeRefusesAppendsButAnEmptyOneTakesAnyRecord() async throws {
    let test = try TestStore { $0.volumeSizeMax = 4096 }
    let large = try EncodedRecord.chunk(1, length: 10_000)
    try await test.store.fill([large])
    #expect(try await test.store.holds(large))
    await #expect(throws: StorageError.volumeFull(TestStore.volume)) {
      try await test.store.append(.chunk(2), to: TestStore.volume)
    }
    await test.store.close()
  }

  @Test func unknownVolumesAndBlobsAreTold() async throws {
    let test = try TestStore()
    let unknown = VolumeID(rawValue: 9)
    let record = try EncodedRecord.chunk(1)
    await #expect(throws: StorageError.unknownVolume(unknown)) { try await test.store.append(record, to: unknown) }
    await #expect(throws: StorageError.unknownVolume(unknown)) { try await test.store.seal(unknown) }
    await #expect(throws: StorageError.unknownVolume(unknown)) {
      _ = try await test.store.read(record.location(in: unknown))
    }
    try await test.store.createVolume(TestStore.volume)
    #expect(try await test.store.read(record.location()) == nil)
    await test.store.close()
  }

  @Test func volumeThatIsMadeTwiceKeepsItsRecords() async throws {
    let test = try TestStore()
    let record = try EncodedRecord.chunk(1)
    try await test.store.fill([record])
    try await test.store.createVolume(TestStore.volume)
    #expect(try await test.store.holds(record))
    #expect(test.store.volumes().count == 1)
    await test.store.close()
  }

  @Test func closedStoreRefusesEverything() async throws {
    let test = try TestStore()
    let record = try EncodedRecord.chunk(1)
    try await test.store.fill([record])
    await test.store.close()
    await #expect(throws: StorageError.closed) { try await test.store.append(.chunk(2), to: TestStore.volume) }
    await #expect(throws: StorageError.closed) { _ = try await test.store.read(record.location()) }
    await #expect(throws: StorageError.closed) { try await test.store.createVolume(VolumeID(rawValue: 5)) }
  }
}
