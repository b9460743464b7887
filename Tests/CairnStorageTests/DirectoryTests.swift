import CairnModel
import CairnStorage
import Foundation
import Synchronization
import NIOPosix
import Testing

@Suite struct DirectoryTests {
  @Test(arguments: [(8, 200), (9, 50), (36, 100)])
  func noDirectoryHasMoreEntriesThanAllowed(limit: Int, volumes: Int) async throws {
    let test = try TestStore { $0.directoryEntriesMax = limit }
    let most = Mutex(0)
    test.disk.set { plan in
      plan.beforeStep = { [folder = test.folder] step in
        // Before a rename the temporary files are there. Looking at all of the tree each time would take too long.
        guard step.hasPrefix("rename ") else { return }
        let parent = step.dropFirst("rename ".count).split(separator: "/").dropLast().joined(separator: "/")
        let count = (try? FileManager.default.contentsOfDirectory(atPath: "/" + parent))?.count ?? .max
        most.withLock { $0 = max($0, count) }
        _ = folder
      }
    }
    for id in 0..<volumes {
      try await test.store.createVolume(VolumeID(rawValue: UInt64(id)))
    }
    #expect(most.withLock { $0 } <= limit)
    #expect(test.folder.entriesMax <= limit)
    // Room for the temporary files of all volumes of a leaf at once.
    #expect(test.folder.files(endingIn: ".log").count == volumes)
    let again = try await test.reopened { $0.directoryEntriesMax = limit }
    #expect(again.store.volumes().count == volumes)
    for id in volumes..<volumes + 20 {
      try await again.store.createVolume(VolumeID(rawValue: UInt64(id)))
    }
    #expect(again.folder.entriesMax <= limit)
    #expect(again.store.volumes().map(\.id.rawValue) == (0..<UInt64(volumes + 20)).map { $0 })
    await again.store.close()
  }

  @Test func limitThatTheLayoutExceedsIsRefused() async throws {
    let test = try TestStore()
    await test.store.close()
    #expect(throws: StorageError.self) { _ = try TestStore(test.folder) { $0.directoryEntriesMax = 20 } }
    // The lock was let go: the right limit opens it.
    let again = try TestStore(test.folder)
    await again.store.close()
  }

  @Test(arguments: [0, 7, 37, -1])
  func limitOutOfRangeIsRefused(limit: Int) throws {
    let error = #expect(throws: StorageError.self) { _ = try TestStore { $0.directoryEntriesMax = limit } }
    #expect(error?.description == "entries per directory is \(limit): allowed is 8 to 36")
  }

  @Test func nodeKeepsItsIdentity() async throws {
    let test = try TestStore()
    let again = try await test.reopened()
    #expect(again.store.node == test.store.node)
    await again.store.close()
    let other = try TestStore()
    #expect(other.store.node != test.store.node)
    await other.store.close()
  }

  @Test(arguments: [
    #"{"formatVersion": 2, "identity": "of another kind"}"#, "", "{", #"{"formatVersion": 1, "node": "abc"}"#,
    #"{"formatVersion": 1, "node": "0123456789abcdef0123456789abcdef", "directoryEntriesMax": 0}"#,
  ])
  func nodeFileThatCanNotBeReadIsRefusedAndKept(text: String) async throws {
    let test = try TestStore()
    await test.store.close()
    let path = test.folder.path + "/node.json"
    try writeFile(path, text.utf8)
    let error = #expect(throws: StorageError.self) { _ = try TestStore(test.folder) }
    #expect(error?.description.hasPrefix(path) == true)
    #expect(try readFile(path) == Array(text.utf8))
  }

  @Test func volumesWithoutANodeFileAreRefused() async throws {
    let test = try TestStore()
    try await test.store.fill([try .chunk(1)])
    await test.store.close()
    let path = test.folder.path + "/node.json"
    try FileManager.default.removeItem(atPath: path)
    #expect(throws: StorageError.identityMissing(path: path)) { _ = try TestStore(test.folder) }
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  @Test func secondStoreOnTheSamePathIsRefused() async throws {
    let test = try TestStore()
    #expect(throws: StorageError.pathInUse(path: test.folder.path, by: "pid \(getpid())")) {
      _ = try TestStore(test.folder)
    }
    let again = try await test.reopened()
    await again.store.close()
  }

  @Test func missingPathIsMade() async throws {
    let folder = try TemporaryFolder()
    let configuration = StorageConfiguration(path: folder.path + "/a/b/c", freeSpaceMin: 0)
    let store = try VolumeStore.open(configuration, threadPool: .singleton, logger: .quiet)
    try await store.fill([try .chunk(1)])
    #expect(try await store.holds(.chunk(1)))
    await store.close()
  }

  @Test func fewLogsAreOpenAtOnce() async throws {
    let test = try TestStore { $0.descriptorsMax = 4 }
    let volumes = (0..<40).map { VolumeID(rawValue: $0) }
    for volume in volumes { try await test.store.fill([try .chunk(volume.rawValue, length: 300_000)], of: volume) }
    #expect(test.store.metrics.openLogs <= 4)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<4 {
        group.addTask {
          for volume in volumes.shuffled() {
            let isThere = try await test.store.holds(.chunk(volume.rawValue, length: 300_000), in: volume)
            #expect(isThere)
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(test.store.metrics.openLogs <= 4)
    await test.store.close()
  }
}
