import CairnModel
import CairnStorage
import Glibc
import Testing

@Suite struct FullDiskTests {
  @Test(arguments: [(UInt64.max, UInt64.max), (.max, 4096), (1 << 61, 4096), (1 << 63, 1 << 40)])
  func aFileSystemWithoutEndHasAsMuchAsANodeCanReport(blocks: UInt64, blockBytes: UInt64) {
    let space = FileOperations.Space(blocks: blocks, freeBlocks: blocks, blockBytes: blockBytes)
    #expect(space.capacity == Limits.nodeTotalMax && space.free == Limits.nodeTotalMax)
    let small = FileOperations.Space(blocks: 10, freeBlocks: 3, blockBytes: 4096)
    #expect(small.capacity == 40_960 && small.free == 12_288)
  }

  @Test func reserveMakesTheStoreReadOnly() async throws {
    let test = try TestStore { $0.freeSpaceMin = 1 << 20 }
    test.disk.set { $0.free = 3 << 20 }
    test.clock.advance(seconds: 2)
    #expect(test.store.space().available == 2 << 20)
    #expect(!test.store.space().readOnly)
    try await test.store.fill([try .chunk(1)])

    test.disk.set { $0.free = 1 << 20 - 1 }
    test.clock.advance(seconds: 2)
    let refusal = StorageError.readOnly(free: 1 << 20 - 1, reserve: 1 << 20)
    await #expect(throws: refusal) { try await test.store.append(.chunk(2), to: TestStore.volume) }
    // An empty volume may be made for tombstones: no other record goes into it.
    try await test.store.createVolume(VolumeID(rawValue: 3))
    await #expect(throws: refusal) { try await test.store.append(.chunk(3), to: VolumeID(rawValue: 3)) }
    let tombstone = try EncodedRecord.tombstone(4, garbage: [try EncodedRecord.chunk(1).location()])
    try await test.store.append(tombstone, to: VolumeID(rawValue: 3))
    #expect(test.store.space().available == 0)
    #expect(test.store.space().readOnly)
    #expect(try await test.store.holds(.chunk(1)))
    try await test.store.seal(TestStore.volume)

    test.disk.set { $0.free = 2 << 20 }
    test.clock.advance(seconds: 2)
    try await test.store.createVolume(VolumeID(rawValue: 2))
    await test.store.close()
  }

  @Test func writtenBytesCountBeforeTheSystemIsAskedAgain() async throws {
    let test = try TestStore { $0.freeSpaceMin = 1 << 20 }
    test.disk.set { $0.free = 1 << 20 + 1 << 16 }
    test.clock.advance(seconds: 2)
    try await test.store.createVolume(TestStore.volume)
    var stored = 0
    await #expect(throws: StorageError.self) {
      for index in 0..<100 {
        try await test.store.append(.chunk(UInt64(index), length: 10_000), to: TestStore.volume)
        stored += 1
      }
    }
    #expect(stored == 7)
    await test.store.close()
  }

  @Test(arguments: [0, 1, 50, 1000])
  func fullDiskLeavesNoPartOfARecordAndTheVolumeGoesOn(after count: Int) async throws {
    let test = try TestStore()
    try await test.store.fill([try .chunk(1)])
    let size = try test.log().count
    test.disk.set { $0.failingWrite = (count, ENOSPC) }
    #expect(try await test.isRefused(.chunk(2, length: 2000)))
    #expect(try readFile(test.folder.file(endingIn: ".log")).count == size)
    test.disk.set { $0.failingWrite = nil }
    try await test.store.append(.chunk(3), to: TestStore.volume)
    let again = try await test.reopened()
    #expect(try await again.store.holds(.chunk(1)))
    #expect(try await again.store.holds(.chunk(3)))
    #expect(again.store.volumes().map(\.damagedCount) == [0])
    await again.store.close()
  }

  @Test(.enabled(if: SmallDisk.isPermitted, "needs the right to mount a file system"))
  func fileSystemThatIsReallyFullIsReadOnly() async throws {
    let folder = try TemporaryFolder()
    let disk = try SmallDisk(at: folder.path, bytes: 1 << 20)
    let test = try TestStore(folder)
    try await test.store.createVolume(TestStore.volume)
    var stored: [EncodedRecord] = []
    var refusals = 0
    for index in 0..<200 {
      let record = try EncodedRecord.chunk(UInt64(index), length: 20_000)
      if try await test.isRefused(record) { refusals += 1 } else { stored.append(record) }
    }
    #expect(stored.count > 20)
    #expect(refusals > 20)
    for record in stored { #expect(try await test.store.holds(record)) }
    await test.store.close()
    let again = try TestStore(folder)
    for record in stored { #expect(try await again.store.holds(record)) }
    #expect(again.store.volumes().map(\.damagedCount) == [0])
    await again.store.close()
    withExtendedLifetime(disk) {}
  }
}

extension TestStore {
  /// Appends a record, and tells whether there was no room for it.
  fileprivate func isRefused(_ record: EncodedRecord) async throws -> Bool {
    do throws(StorageError) {
      try await store.append(record, to: Self.volume)
      return false
    } catch {
      guard case .readOnly = error else { throw error }
      return true
    }
  }
}

/// A file system of a few bytes.
private final class SmallDisk {
  private let path: String

  static let isPermitted: Bool = {
    guard let folder = try? TemporaryFolder() else { return false }
    return (try? SmallDisk(at: folder.path, bytes: 1 << 20)) != nil
  }()

  init(at path: String, bytes: Int) throws {
    guard mount("tmpfs", path, "tmpfs", 0, "size=\(bytes)") == 0 else { throw Surprise("mount: \(errno)") }
    self.path = path
  }

  deinit {
    umount2(path, Int32(MNT_DETACH))
  }
}
