import CairnModel
import CairnStorage
import Dispatch
import Glibc
import Testing

@Suite struct GroupCommitTests {
  @Test func appendsThatComeDuringASyncShareTheNextOne() async throws {
    let test = try TestStore()
    try await test.store.createVolume(TestStore.volume)
    let before = test.disk.syncs
    let (isSyncing, mayGoOn) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    test.disk.set { plan in
      plan.beforeStep = { [disk = test.disk] step in
        guard step == "sync" else { return }
        disk.set { $0.beforeStep = nil }
        isSyncing.signal()
        mayGoOn.wait()
      }
    }
    let records = try (0..<500).map { try EncodedRecord.chunk($0) }
    let (outcomes, answers) = AsyncStream.makeStream(of: Bool.self)
    let answer: @Sendable (Result<Void, StorageError>) -> Void = { result in
      answers.yield((try? result.get()) != nil)
    }
    test.store.append(records[0], to: TestStore.volume, completion: answer)
    await Task.detached { isSyncing.waitOnThisThread() }.value
    for record in records.dropFirst() { test.store.append(record, to: TestStore.volume, completion: answer) }
    mayGoOn.signal()
    var count = 0
    for await isAppended in outcomes {
      #expect(isAppended)
      count += 1
      if count == records.count { break }
    }
    #expect(test.disk.syncs == before + 2)
    #expect(test.store.metrics.syncs == 2)
    #expect(test.store.metrics.appends == 500)
    for record in records { #expect(try await test.store.holds(record)) }
    await test.store.close()
  }

  @Test func concurrentAppendsAreAllKept() async throws {
    let test = try TestStore()
    try await test.store.createVolume(TestStore.volume)
    let (callers, appends) = (64, 10)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for caller in 0..<callers {
        group.addTask {
          for index in 0..<appends {
            try await test.store.append(.chunk(UInt64(caller * appends + index)), to: TestStore.volume)
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(test.store.metrics.syncs <= UInt64(callers * appends))
    #expect(test.store.metrics.appends == UInt64(callers * appends))
    for index in 0..<callers * appends { #expect(try await test.store.holds(.chunk(UInt64(index)))) }
    await test.store.close()
  }

  @Test func appendIsAnsweredAfterItsSync() async throws {
    let test = try TestStore()
    try await test.store.createVolume(TestStore.volume)
    for index in 0..<5 {
      let before = test.disk.syncs
      try await test.store.append(.chunk(UInt64(index)), to: TestStore.volume)
      #expect(test.disk.syncs == before + 1)
    }
    await test.store.close()
  }

  @Test func asynchronousAppendIsSyncedLater() async throws {
    let test = try TestStore { $0.durability = .async }
    try await test.store.createVolume(TestStore.volume)
    let before = test.disk.syncs
    try await test.store.append(.chunk(1), to: TestStore.volume)
    #expect(test.disk.syncs == before)
    // Whoever follows the log must not be told of records that the disk may lose.
    #expect(test.store.volumes()[0].durableEnd < test.store.volumes()[0].logBytes)
    #expect(try test.store.scanBlocking(TestStore.volume) { _, _ in }.recordCount == 0)
    await test.store.maintain()
    #expect(test.store.volumes()[0].durableEnd == test.store.volumes()[0].logBytes)
    #expect(try test.store.scanBlocking(TestStore.volume) { _, _ in }.recordCount == 1)
    #expect(test.disk.syncs == before + 1)
    await test.store.maintain()
    #expect(test.disk.syncs == before + 1)
    await test.store.close()
  }

  @Test func failedSyncFailsTheAppendAndEndsTheVolume() async throws {
    let test = try TestStore()
    let (kept, lost) = (try EncodedRecord.chunk(1), try EncodedRecord.chunk(2))
    try await test.store.fill([kept])
    test.disk.set { $0.failingSync = (0, EIO) }
    let failure = StorageError.volumeFailed(TestStore.volume, SystemError(call: "fdatasync", code: EIO))
    await #expect(throws: failure) { try await test.store.append(lost, to: TestStore.volume) }
    // The next sync would succeed, but means nothing: the kernel has forgotten what it could not write.
    await #expect(throws: failure) { try await test.store.append(lost, to: TestStore.volume) }
    #expect(try await test.store.holds(kept))
    #expect(try await test.store.read(lost.location()) == nil)
    #expect(test.store.volumes().compactMap(\.failure).count == 1)
    // What was acknowledged before still is.
    try await test.store.append(kept, to: TestStore.volume)

    let again = try await test.reopened()
    #expect(try await again.store.holds(kept))
    #expect(try await again.store.read(lost.location()) == nil)
    #expect(again.store.volumes().map(\.state) == [.sealed])
    await again.store.close()
  }

  @Test(arguments: [0, 1, 47, 100, 147])
  func failedWriteLeavesNothingInTheLog(after count: Int) async throws {
    let test = try TestStore()
    try await test.store.fill([try .chunk(1)])
    let log = try test.folder.file(endingIn: ".log")
    let size = try test.log().count
    test.disk.set { $0.failingWrite = (count, EIO) }
    await #expect(throws: StorageError.volumeFailed(TestStore.volume, SystemError(call: "pwrite", code: EIO))) {
      try await test.store.append(.chunk(2), to: TestStore.volume)
    }
    #expect(try readFile(log).count == size)
    test.disk.set { $0.failingWrite = nil }
    let again = try await test.reopened()
    #expect(try await again.store.holds(.chunk(1)))
    await again.store.close()
  }

  @Test func writesThatTakeABitAtATimeAreContinued() async throws {
    let test = try TestStore()
    test.disk.set { $0.writeMax = 1000 }
    let records = try (0..<5).map { try EncodedRecord.chunk($0, length: 70_000, metadata: 3000) }
    try await test.store.fill(records)
    for record in records { #expect(try await test.store.holds(record)) }
    await test.store.close()
  }
}

extension DispatchSemaphore {
  /// What the compiler doesn't let an asynchronous function do by itself.
  fileprivate func waitOnThisThread() {
    wait()
  }
}
