import CairnModel
import CairnStorage
import Glibc
import Testing

@Suite struct MaintenanceTests {
  @Test func loopDoesItsWorkUntilItIsCancelled() async throws {
    let test = try TestStore {
      $0.durability = .async
      $0.garbageGrace = .zero
    }
    let record = try EncodedRecord.chunk(1)
    try await test.store.fill([record, try .tombstone(2, garbage: [record.location()])])
    test.clock.advance(seconds: 5)
    let loop = Task { await test.store.run(every: .milliseconds(1)) }
    while try await test.store.read(record.location()) != nil || test.store.volumes()[0].garbageBytes == 0 {
      await Task.yield()
    }
    #expect(test.store.volumes()[0].durableEnd == test.store.volumes()[0].logBytes)
    loop.cancel()
    await loop.value
    await test.store.close()
  }

  @Test func appendCanBeAnsweredByACall() async throws {
    let test = try TestStore()
    try await test.store.createVolume(TestStore.volume)
    let record = try EncodedRecord.chunk(1)
    let outcome = await withCheckedContinuation { continuation in
      test.store.append(record, to: TestStore.volume) { continuation.resume(returning: $0) }
    }
    #expect(throws: Never.self) { try outcome.get() }
    let unknown = VolumeID(rawValue: 4)
    let failure = await withCheckedContinuation { continuation in
      test.store.append(record, to: unknown) { continuation.resume(returning: $0) }
    }
    #expect(throws: StorageError.unknownVolume(unknown)) { try failure.get() }
    await test.store.close()
  }

  @Test func closingWaitsForAppendsUnderWay() async throws {
    let test = try TestStore()
    try await test.store.createVolume(TestStore.volume)
    test.disk.set { $0.beforeStep = { step in if step == "sync" { usleep(5000) } } }
    let outcomes = await withTaskGroup(of: (UInt64, Bool).self) { group in
      for index in 0..<200 as Range<UInt64> {
        group.addTask {
          let outcome = await Result { () async throws in
            try await test.store.append(.chunk(index), to: TestStore.volume)
          }
          return (index, outcome.isSuccess)
        }
      }
      group.addTask {
        await test.store.close()
        return (.max, false)
      }
      return await group.reduce(into: []) { $0.append($1) }
    }
    let again = try TestStore(test.folder)
    for (index, isAcknowledged) in outcomes where isAcknowledged {
      #expect(try await again.store.holds(.chunk(index)))
    }
    #expect(again.store.volumes()[0].blobCount == UInt64(outcomes.count { $0.1 }))
    await again.store.close()
  }

  @Test func maintenanceThatFailedWaitsBeforeItIsTriedAgain() async throws {
    let test = try TestStore()
    try await test.store.fill([try .chunk(1)])
    try await test.store.seal(TestStore.volume)
    test.disk.set { $0.failingWrite = (0, ENOSPC) }
    await test.store.maintain()
    test.disk.set { $0.failingWrite = nil }
    await test.store.maintain()
    #expect(test.store.metrics.snapshots == 0)
    test.clock.advance(seconds: 61)
    await test.store.maintain()
    #expect(test.store.metrics.snapshots == 1)
    await test.store.close()
  }
}

extension Result where Failure == any Error {
  fileprivate init(catching body: () async throws -> Success) async {
    do { self = .success(try await body()) } catch { self = .failure(error) }
  }

  fileprivate var isSuccess: Bool {
    if case .success = self { true } else { false }
  }
}
