import CairnModel
import CairnStorage
import Foundation
import Testing

@Suite struct DropTests {
  private static let other = VolumeID(rawValue: 0xB2)

  /// Two volumes with a record each, and index files.
  private func scene(_ change: (inout StorageConfiguration) -> Void = { _ in }) async throws -> TestStore {
    let test = try TestStore(nil, change)
    try await test.store.fill([.chunk(1), .chunk(2, length: 1 << 20)])
    try await test.store.fill([.chunk(3)], of: Self.other)
    return test
  }

  @Test func aDroppedVolumeIsGoneAndStaysSo() async throws {
    let test = try await scene()
    let indexBytes = test.store.metrics.indexBytes
    for _ in 0..<2 { try await test.store.dropVolume(TestStore.volume) }
    #expect(test.store.volumes().map(\.id) == [Self.other])
    #expect(test.store.volume(TestStore.volume) == nil)
    #expect(test.folder.files(endingIn: ".log").count == 1)
    #expect(test.folder.files(endingIn: ".index").count == 1)
    #expect(test.store.metrics.indexBytes < indexBytes)
    await #expect(throws: StorageError.unknownVolume(TestStore.volume)) {
      try await test.store.append(.chunk(4), to: TestStore.volume)
    }
    await #expect(throws: StorageError.unknownVolume(TestStore.volume)) {
      _ = try await test.store.read(EncodedRecord.chunk(1).location())
    }
    await test.store.maintain()
    let again = try await test.reopened()
    #expect(again.store.volumes().map(\.id) == [Self.other])
    #expect(try await again.store.holds(.chunk(3), in: Self.other))
    await again.store.close()
  }

  @Test func dropThatACrashInterruptsIsUndoneOrDone() async throws {
    let test = try await scene()
    await test.store.close()
    let name = TestStore.volume.description
    // After nothing; the log; all but left over temporary files; everything.
    for (removed, isThere) in [([], true), ([".log"], false), ([".log", ".index"], false)] as [([String], Bool)] {
      let crashed = try test.folder.copy()
      for suffix in removed {
        let path = try #require(crashed.files(endingIn: suffix).first { $0.contains(name) })
        try FileManager.default.removeItem(atPath: path)
      }
      let after = try TestStore(crashed)
      #expect((after.store.volume(TestStore.volume) != nil) == isThere, "without \(removed)")
      #expect(try await after.store.holds(.chunk(3), in: Self.other))
      #expect(crashed.files(endingIn: ".index").count == (isThere ? 2 : 1), "nothing is left over")
      if isThere {
        for record in try [EncodedRecord.chunk(1), .chunk(2, length: 1 << 20)] {
          #expect(try await after.store.holds(record))
        }
      }
      await after.store.close()
    }
  }

  @Test func readsUnderWayGoOn() async throws {
    let test = try await scene()
    let large = try EncodedRecord.chunk(2, length: 1 << 20)
    let blob = try #require(try await test.store.read(large.location()))
    guard case .file(let file) = blob.payload else { throw Surprise("it is not read as a file") }
    let cursor = try await test.store.records(in: TestStore.volume)
    try await test.store.dropVolume(TestStore.volume)
    #expect(try await file.read(0..<file.length) == large.payload)
    #expect(try await cursor.next().count == 2)
    await test.store.close()
  }

  @Test func aVolumeCanBeMadeAnewAfterItWasDropped() async throws {
    let test = try await scene()
    for seed: UInt64 in 10..<20 {
      try await test.store.dropVolume(TestStore.volume)
      try await test.store.fill([.chunk(seed)])
      #expect(try await test.store.read(EncodedRecord.chunk(1).location()) == nil)
      #expect(try await test.store.holds(.chunk(seed)))
    }
    let again = try await test.reopened()
    #expect(try await again.store.holds(.chunk(19)))
    #expect(again.store.volume(TestStore.volume)?.blobCount == 1)
    await again.store.close()
  }

  @Test func appendsThatComeMeanwhileAreStoredOrRefused() async throws {
    let test = try TestStore()
    for round: UInt64 in 0..<20 {
      try await test.store.createVolume(TestStore.volume)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for seed: UInt64 in 0..<20 {
          group.addTask {
            do throws(StorageError) {
              let record: EncodedRecord
              do { record = try EncodedRecord.chunk(round * 100 + seed) } catch { return }
              try await test.store.append(record, to: TestStore.volume)
            } catch {
              #expect(error == .unknownVolume(TestStore.volume))
            }
          }
        }
        group.addTask { try await test.store.dropVolume(TestStore.volume) }
        group.addTask { try await test.store.dropVolume(TestStore.volume) }
        try await group.waitForAll()
      }
      #expect(test.store.volumes().isEmpty)
      #expect(test.folder.files(endingIn: ".log").isEmpty)
    }
    await test.store.close()
  }

  @Test func garbageThatADroppedVolumeNamedStaysGarbage() async throws {
    let change: @Sendable (inout StorageConfiguration) -> Void = { $0.garbageGrace = .zero }
    let test = try await scene(change)
    let garbage = try EncodedRecord.chunk(3).location(in: Self.other)
    try await test.store.append(.tombstone(9, garbage: [garbage]), to: TestStore.volume)
    try await test.store.dropVolume(TestStore.volume)
    let crashed = try test.crashed(change)
    #expect(crashed.store.volume(Self.other)?.blobCount == 0)
    await crashed.store.close()
    await test.store.close()
  }

  @Test func itsPlaceInTheTreeIsUsedAgain() async throws {
    let test = try TestStore()
    for round: UInt64 in 0..<30 {
      let ids = (1...10).map { VolumeID(rawValue: round * 100 + $0) }
      for id in ids { try await test.store.createVolume(id) }
      for id in ids { try await test.store.dropVolume(id) }
    }
    #expect((FileManager.default.subpaths(atPath: test.folder.path) ?? []).count < 20)
    #expect(test.folder.entriesMax <= 36)
    await test.store.close()
  }
}
