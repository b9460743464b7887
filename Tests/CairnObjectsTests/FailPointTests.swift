import CairnCatalog
import CairnModel
import CairnNodeClient
import CairnStorage
import CairnTestSupport
import Foundation
import NIOCore
import Synchronization
import Testing

@testable import CairnObjects

/// A server dies between any two steps of its writes: append, sync, change of the catalog, answer, garbage, seal. The next one
/// has what was answered, and of what was under way all or nothing.
@Suite struct FailPointTests {
  /// What a process finds that starts after a crash at this point.
  private struct Crash: Sendable {
    let point: String
    let folder: TemporaryFolder
    let allowed: [String: Set<[UInt8]?>]
  }

  /// Copies the files at each step, beside what each name may be then.
  private final class Crashes: Sendable {
    private struct State {
      var values: [String: [UInt8]?] = [:]
      var underWay: (key: String, value: [UInt8]?)?
      var what = ""
      var crashes: [Crash] = []
      var failure: (any Error)?
    }

    private let source: String
    private let state = Mutex(State())

    init(of source: TemporaryFolder) { self.source = source.path }

    func step(_ name: String) {
      state.withLock { state in
        do {
          let folder = try TemporaryFolder("crash")
          try FileManager.default.removeItem(atPath: folder.path)
          try FileManager.default.copyItem(atPath: source, toPath: folder.path)
          var allowed = state.values.mapValues { Set([$0]) }
          if let (key, value) = state.underWay { allowed[key, default: [nil]].insert(value) }
          state.crashes.append(Crash(point: "\(state.what), \(name)", folder: folder, allowed: allowed))
        } catch {
          state.failure = error
        }
      }
    }

    /// Lets `body` make `value` of `key`; when it is refused, nothing.
    func during(
      _ what: String, _ key: String, _ value: [UInt8]?, isRefused: Bool = false, _ body: () async throws -> Void
    ) async throws {
      state.withLock { state in
        state.what = what
        state.underWay = isRefused ? nil : (key, value)
      }
      if isRefused { await #expect(throws: ObjectError.self) { try await body() } } else { try await body() }
      state.withLock { state in
        if !isRefused { state.values[key] = .some(value) }
        state.underWay = nil
      }
      step("answered")
    }

    func taken() throws -> [Crash] {
      try state.withLock { state in
        if let failure = state.failure { throw failure }
        return state.crashes
      }
    }
  }

  @Test(.timeLimit(.minutes(5))) func aCrashAtAnyStepLeavesTheOldOrTheNew() async throws {
    let folder = try TemporaryFolder("objects")
    let crashes = Crashes(of: folder)
    try await ObjectFixture.with(folder: folder, operations: .stopping(at: crashes.step)) { fixture in
      try await write(fixture, crashes)
    }
    let taken = try crashes.taken()
    print("fail points: \(taken.count)")
    #expect(taken.count > 40)
    for (index, crash) in taken.enumerated() {
      // The catalog is behind the records, as SQLite's is after a crash, or lost.
      if index % 3 == 0 {
        for suffix in ["", "-wal", "-shm"] {
          try? FileManager.default.removeItem(atPath: crash.folder.path + "/catalog.sqlite" + suffix)
        }
      }
      try await expectAllowed(after: crash, isSwept: index % 3 == 1)
    }
  }

  /// Every kind of write, large and small.
  private func write(_ fixture: ObjectFixture, _ crashes: Crashes) async throws {
    let objects = fixture.objects
    func put(_ key: String, _ bytes: [UInt8], _ rule: ConflictRule = .overwrite) async throws -> BlobID {
      try await fixture.put(key, bytes, onConflict: rule).object.head.blob
    }
    let (small, large) = (ObjectFixture.bytes(10, seed: 1), ObjectFixture.bytes(2500, seed: 2))
    try await crashes.during("first write", "a", small) { _ = try await put("a", small) }
    try await crashes.during("large write", "b", large) { _ = try await put("b", large) }
    try await crashes.during("overwrite", "a", large) { _ = try await put("a", large) }
    try await crashes.during("garbage", "a", large) { try await fixture.flushGarbage() }
    try await crashes.during("overwrite of chunks", "b", small) { _ = try await put("b", small) }
    let created = Mutex<BlobID?>(nil)
    try await crashes.during("creation", "c", small) {
      let version = try await put("c", small, .reject)
      created.withLock { $0 = version }
    }
    let version = try #require(created.withLock { $0 })
    try await crashes.during("refused creation", "c", large, isRefused: true) { _ = try await put("c", large, .reject) }
    try await crashes.during("replacement", "c", large) { _ = try await put("c", large, .replace(version)) }
    try await crashes.during("refused replacement", "c", small, isRefused: true) {
      _ = try await put("c", small, .replace(version))
    }
    try await crashes.during("deletion", "c", nil) { _ = try await objects.delete(ObjectName(key: ObjectKey("c"))) }
    try await crashes.during("creation after deletion", "c", small) { _ = try await put("c", small, .reject) }
    try await crashes.during("upload in parts", "d", large + small) {
      let upload = try await objects.beginUpload(ObjectKey("d"), in: .default, UploadDescription(contentType: "a/b"))
      for (number, bytes) in [(1, large), (2, small)] {
        _ = try await objects.putPart(number, of: upload.id, in: .default, ObjectFixture.source(bytes))
      }
      _ = try await objects.completeUpload(upload.id, in: .default, sha256: nil, onConflict: .overwrite)
    }
    let store = fixture.nodes[0].store
    try await crashes.during("seal", "b", small) {
      for volume in store.volumes() { try await store.seal(volume.id) }
    }
    try await crashes.during("write behind the seal", "b", large) { _ = try await put("b", large) }
    try await crashes.during("garbage in a sealed volume", "b", large) { try await fixture.flushGarbage() }
  }

  private func expectAllowed(after crash: Crash, isSwept: Bool) async throws {
    try await ObjectFixture.with(folder: crash.folder) { fixture in
      try await CatalogReplay(
        log: LocalNode(fixture.nodes[0].store), catalog: fixture.catalog, node: fixture.nodes[0].id, ids: fixture.ids,
        logger: ObjectFixture.logger
      ).run()
      var found: [String: [UInt8]?] = [:]
      for (key, values) in crash.allowed {
        let value = try await fixture.get(key)
        #expect(values.contains(value), "\(key) after a crash: \(crash.point)")
        found[key] = .some(value)
      }
      guard isSwept else { return }
      // What nothing refers to goes, and nothing else.
      fixture.sweep(age: .zero).remove(try await fixture.sweep(age: .zero).find())
      try await fixture.flushGarbage()
      for (key, value) in found {
        #expect(try await fixture.get(key) == value, "\(key) after a crash and a sweep: \(crash.point)")
      }
    }
  }
}

extension FileOperations {
  /// Calls `step` before each sync, cut and rename: a process that dies leaves the same before and after a sync. What a
  /// write leaves in part is for `RecoveryTests`.
  fileprivate static func stopping(at step: @escaping @Sendable (String) -> Void) -> FileOperations {
    let system = FileOperations.system
    var operations = system
    operations.sync = { (descriptor) throws(SystemError) in
      step("before a sync")
      try system.sync(descriptor)
    }
    operations.truncate = { (descriptor, length) throws(SystemError) in
      step("before a cut")
      try system.truncate(descriptor, length)
    }
    operations.rename = { (from, to) throws(SystemError) in
      step("before a rename")
      try system.rename(from, to)
    }
    return operations
  }
}
