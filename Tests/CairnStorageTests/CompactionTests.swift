import CairnModel
import CairnStorage
import Foundation
import Synchronization
import Testing

@Suite struct CompactionTests {
  private struct Scene {
    let test: TestStore
    var live: [EncodedRecord] = []
    var dead: [EncodedRecord] = []
    var tombstones: [EncodedRecord] = []
  }

  private static let change: @Sendable (inout StorageConfiguration) -> Void = { $0.garbageGrace = .zero }

  /// A sealed volume, two thirds of which are garbage, tombstones in between.
  private func scene(seal: Bool = true) async throws -> Scene {
    var scene = Scene(test: try TestStore(nil, Self.change))
    try await scene.test.store.createVolume(TestStore.volume)
    for seed: UInt64 in 0..<30 {
      let record = try EncodedRecord.chunk(seed, length: Int(seed) * 100, metadata: 10)
      if seed % 3 == 0 { scene.live.append(record) } else { scene.dead.append(record) }
      try await scene.test.store.append(record, to: TestStore.volume)
      if seed % 3 == 1 {
        let tombstone = try EncodedRecord.tombstone(seed, garbage: [record.location()])
        scene.tombstones.append(tombstone)
        try await scene.test.store.append(tombstone, to: TestStore.volume)
      }
    }
    let rest = scene.dead.filter { $0.header.blob.low % 3 == 2 }.map { $0.location() }
    let last = try EncodedRecord.tombstone(100, garbage: rest)
    scene.tombstones.append(last)
    try await scene.test.store.append(last, to: TestStore.volume)
    if seal { try await scene.test.store.seal(TestStore.volume) }
    scene.test.clock.advance(seconds: 5)
    return scene
  }

  private func check(_ store: VolumeStore, _ scene: Scene) async throws {
    for record in scene.live + scene.tombstones { #expect(try await store.holds(record)) }
    for record in scene.dead { #expect(try await store.read(record.location()) == nil) }
    #expect(store.volumes().map(\.blobCount) == [10])
    #expect(store.volumes().map(\.state) == [.sealed])
  }

  @Test func garbageIsGivenBackAndTombstonesStay() async throws {
    let scene = try await scene()
    let store = scene.test.store
    let before = store.volumes()[0]
    let freed = await store.compact()
    #expect(freed == scene.dead.reduce(0) { $0 + UInt64($1.header.paddedLength) })
    try await check(store, scene)
    let after = store.volumes()[0]
    #expect(after.logBytes == before.logBytes - freed)
    #expect(after.garbageBytes == 0)
    #expect(after.durableEnd == before.durableEnd, "who follows the log by offsets must not fall behind")
    #expect(try readFile(scene.test.folder.file(endingIn: ".log")).count == Int(after.logBytes))
    #expect(await store.compact() == 0)
    let again = try await scene.test.reopened(Self.change)
    try await check(again.store, scene)
    #expect(again.store.volumes()[0].durableEnd == before.durableEnd)
    #expect(again.store.volumes()[0].logBytes == after.logBytes)
    await again.store.close()
  }

  @Test func openVolumesAndLittleGarbageAreLeftAlone() async throws {
    let open = try await scene(seal: false)
    #expect(await open.test.store.compact() == 0)
    await open.test.store.close()

    let test = try TestStore(nil, Self.change)
    let records = try (0..<10).map { try EncodedRecord.chunk($0) }
    try await test.store.fill(records)
    try await test.store.append(
      .tombstone(50, garbage: records.prefix(4).map { $0.location() }), to: TestStore.volume)
    try await test.store.seal(TestStore.volume)
    test.clock.advance(seconds: 5)
    #expect(await test.store.compact() == 0)
    await test.store.close()
  }

  @Test func volumeInWhichNothingLivesStaysAsAnEmptySealedLog() async throws {
    let test = try TestStore(nil, Self.change)
    let record = try EncodedRecord.chunk(1)
    try await test.store.fill([record])
    try await test.store.seal(TestStore.volume)
    let other = VolumeID(rawValue: 2)
    try await test.store.fill([try .tombstone(2, garbage: [record.location()])], of: other)
    test.clock.advance(seconds: 5)
    #expect(await test.store.compact() > 0)
    for store in [test.store, try await test.reopened(Self.change).store] {
      #expect(store.volume(TestStore.volume)?.blobCount == 0)
      if store !== test.store {
        await #expect(throws: StorageError.volumeSealed(TestStore.volume)) {
          try await store.append(.chunk(3), to: TestStore.volume)
        }
        await store.close()
      }
    }
  }

  @Test func damagedLogIsNotRewritten() async throws {
    let scene = try await scene()
    let path = try scene.test.folder.file(endingIn: ".log")
    let handle = try #require(FileHandle(forUpdatingAtPath: path))
    try handle.seek(toOffset: UInt64(128 + 55))
    try handle.write(contentsOf: [0xFF])
    try handle.close()
    let before = try readFile(path)
    #expect(await scene.test.store.compact() == 0)
    #expect(try readFile(path) == before)
    #expect(scene.test.folder.files(endingIn: ".tmp").isEmpty)
    try #require(scene.live.count == 10)
    for record in scene.live.dropFirst() { #expect(try await scene.test.store.holds(record)) }
    await scene.test.store.close()
  }

  @Test func noRoomForTheNewLogLeavesTheOldOne() async throws {
    let scene = try await scene()
    scene.test.disk.set { $0.free = 1000 }
    scene.test.clock.advance(seconds: 5)
    #expect(await scene.test.store.compact() == 0)
    scene.test.disk.set { $0.free = nil }
    scene.test.clock.advance(seconds: 5)
    #expect(await scene.test.store.compact() > 0)
    try await check(scene.test.store, scene)
    await scene.test.store.close()
  }

  @Test func writeErrorsLeaveTheOldLog() async throws {
    let scene = try await scene()
    for after in [0, 3000, 10_000] {
      scene.test.disk.set { $0.failingWrite = (after, ENOSPC) }
      #expect(await scene.test.store.compact() == 0)
      scene.test.disk.set { $0.failingWrite = nil }
      try await check(scene.test.store, scene)
      #expect(scene.test.folder.files(endingIn: ".tmp").isEmpty)
    }
    scene.test.disk.set { $0.failingSync = (0, EIO) }
    #expect(await scene.test.store.compact() == 0)
    try await check(scene.test.store, scene)
    #expect(await scene.test.store.compact() > 0)
    try await check(scene.test.store, scene)
    await scene.test.store.close()
  }

  @Test func crashBetweenAnyTwoStepsLeavesAWholeLog() async throws {
    let scene = try await scene()
    let crashes = Mutex<[TemporaryFolder]>([])
    scene.test.disk.set { plan in
      plan.beforeStep = { [folder = scene.test.folder] _ in
        if let copy = try? folder.copy() { crashes.withLock { $0.append(copy) } }
      }
    }
    #expect(await scene.test.store.compact() > 0)
    scene.test.disk.set { $0.beforeStep = nil }
    let folders = crashes.withLock { $0 } + [try scene.test.folder.copy()]
    #expect(folders.count >= 4)
    var sizes: Set<UInt64> = []
    for folder in folders {
      let crashed = try TestStore(folder, clock: scene.test.clock.now(), Self.change)
      crashed.clock.advance(seconds: 5)
      await crashed.store.compact()
      sizes.insert(crashed.store.volumes()[0].logBytes)
      try await check(crashed.store, scene)
      let again = try await crashed.reopened(Self.change)
      try await check(again.store, scene)
      await again.store.close()
    }
    #expect(sizes.count == 1)
    await scene.test.store.close()
  }

  @Test func readersAndMarksGoOnDuringCompaction() async throws {
    let scene = try await scene()
    let store = scene.test.store
    let marked = scene.live[0]
    let large = try EncodedRecord.chunk(500, length: 1 << 20)
    let other = VolumeID(rawValue: 0xC3)
    try await store.fill([large], of: other)
    try await store.createVolume(VolumeID(rawValue: 0xD4))
    let isMarked = Flag()
    scene.test.disk.set { plan in
      plan.beforeStep = { _ in
        // On the compacting thread, between its steps: a tombstone for a record that has been copied already.
        guard isMarked.raise() else { return }
        let done = DispatchSemaphore(value: 0)
        Task.detached {
          try? await store.append(
            .tombstone(900, garbage: [marked.location()], at: scene.test.clock.now()), to: VolumeID(rawValue: 0xD4))
          done.signal()
        }
        done.wait()
      }
    }
    let isDone = Flag()
    let reads = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<2 {
        group.addTask {
          var count = 0
          repeat {
            for record in scene.live {
              guard try await store.holds(record) else { throw Surprise("a reader was disturbed") }
              count += 1
            }
            // Reads from the page cache never suspend.
            await Task.yield()
          } while !isDone.isRaised
          return count
        }
      }
      #expect(await store.compact() > 0)
      _ = isDone.raise()
      return try await group.reduce(0, +)
    }
    #expect(reads > 0)
    #expect(isMarked.isRaised)
    scene.test.clock.advance(seconds: 5)
    await store.maintain()
    #expect(try await store.read(marked.location()) == nil)
    #expect(store.volume(TestStore.volume)?.blobCount == 9)
    await store.close()
  }

  @Test func gracesGoOnInTheirOrderAfterCompaction() async throws {
    let test = try TestStore { $0.garbageGrace = .seconds(100) }
    let (late, early, first) = (
      try EncodedRecord.chunk(1), try EncodedRecord.chunk(2), try EncodedRecord.chunk(3, length: 5000)
    )
    try await test.store.fill([late, early, first])
    try await test.store.seal(TestStore.volume)
    let tombstones = VolumeID(rawValue: 2)
    for (index, record) in [first, early, late].enumerated() {
      try await test.store.fill([try .tombstone(UInt64(10 + index), garbage: [record.location()])], of: tombstones)
      test.clock.advance(seconds: 50)
    }
    // At 150 s the grace of the first is over, that of the early one nearly, and the late one has 50 s left.
    #expect(await test.store.compact() > 5000)
    test.clock.advance(seconds: 5)
    await test.store.maintain()
    #expect(try await test.store.read(early.location()) == nil)
    #expect(try await test.store.holds(late))
    await test.store.close()
  }

  @Test func regionOfARewrittenLogCanStillBeRead() async throws {
    let test = try TestStore(nil, Self.change)
    let (dead, live) = (try EncodedRecord.chunk(1, length: 2 << 20), try EncodedRecord.chunk(2, length: 1 << 20))
    try await test.store.fill([dead, live])
    guard case .file(let before)? = try await test.store.read(live.location())?.payload,
      case .file(let gone)? = try await test.store.read(dead.location())?.payload
    else { throw Surprise("no regions") }
    try await test.store.append(.tombstone(3, garbage: [dead.location()]), to: TestStore.volume)
    try await test.store.seal(TestStore.volume)
    test.clock.advance(seconds: 5)
    #expect(await test.store.compact() > 2 << 20)
    #expect(try await before.read(0..<before.length) == live.payload)
    #expect(try await gone.read(0..<gone.length) == dead.payload)
    #expect(try await test.store.holds(live))
    await test.store.close()
  }
}

private final class Flag: Sendable {
  private let state = Atomic(false)

  var isRaised: Bool { state.load(ordering: .relaxed) }

  /// Whether it was not raised before.
  func raise() -> Bool {
    !state.exchange(true, ordering: .relaxed)
  }
}
