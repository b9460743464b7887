import CSQLite
import CairnCatalog
import CairnModel
import CairnTestSupport
import Glibc
import Testing

/// What only the embedded catalog promises.
@Suite struct SQLiteCatalogTests {
  @Test func whatWasCommittedIsThereAfterReopening() async throws {
    let folder = try TemporaryFolder("sqlite")
    let volume = Volume(id: VolumeID.make(), nodes: [.make()])
    let node = report(.make())
    try await open(folder) { catalog in
      for number in UInt64(1)...100 {
        _ = try await catalog.put(makeObject(version(number)), as: name("file \(number)"), if: .always)
      }
      _ = try await catalog.delete(name("file 7"), version: version(7), tombstone: version(500))
      try await catalog.add(volume)
      try await catalog.setReplayMarks([volume.id: 4096])
      _ = try await catalog.heartbeat(node, timeout: .seconds(90), takeOver: false)
    }
    try await open(folder) { (catalog) async throws in
      #expect(try await catalog.list(.default, ListQuery(limit: 1000)).entries.count == 99)
      #expect(try await catalog.object(name("file 8")) == makeObject(version(8)))
      #expect(
        try await catalog.put(makeObject(version(8)), as: name("file 7"), if: .always) == .stale(newest: version(500)))
      #expect(try await catalog.openVolumes() == [volume])
      #expect(try await catalog.replayMarks() == [volume.id: 4096])
      #expect(try await catalog.nodes().map(\.report) == [node])
    }
  }

  @Test func aSchemaOfANewerCairnIsRefused() async throws {
    let folder = try TemporaryFolder("sqlite")
    try await open(folder) { _ in }
    try execute("PRAGMA user_version = 99", in: folder)
    let error = await #expect(throws: CatalogError.self) { try await open(folder) { _ in } }
    #expect(String(describing: error).contains("schema version 99"))
    #expect(String(describing: error).contains(path(in: folder)))
  }

  @Test func aDamagedFileIsNamed() async throws {
    let folder = try TemporaryFolder("sqlite")
    let file = fopen(path(in: folder), "w")
    fwrite(Array(repeating: UInt8(ascii: "x"), count: 8192), 1, 8192, file)
    fclose(file)
    let error = await #expect(throws: CatalogError.self) { try await open(folder) { _ in } }
    #expect(String(describing: error).contains("\(path(in: folder)) is damaged"))
  }

  @Test func anotherProgramsDatabaseIsLeftAlone() async throws {
    let folder = try TemporaryFolder("sqlite")
    try execute("CREATE TABLE theirs (id INTEGER)", in: folder)
    let error = await #expect(throws: CatalogError.self) { try await open(folder) { _ in } }
    #expect(String(describing: error).contains("not a catalog of Cairn"))
    try execute("INSERT INTO theirs VALUES (1)", in: folder)
  }

  @Test func aFolderThatIsNotThereIsNamed() async throws {
    let folder = try TemporaryFolder("sqlite")
    let error = await #expect(throws: CatalogError.self) {
      _ = try await SQLiteCatalog.open(
        path: folder.path + "/none/catalog.sqlite", threadPool: Threads.pool, logger: quiet)
    }
    #expect(String(describing: error).contains("none/catalog.sqlite cannot be opened"))
  }

  /// The object cache would not notice the commits of another process. A lock that belongs to an open file conflicts
  /// with those of SQLite, which belong to a process, as those of another process would.
  @Test func anotherProcessIsKeptOut() async throws {
    let folder = try TemporaryFolder("sqlite")
    try await open(folder) { catalog in
      _ = try await catalog.put(makeObject(version(1)), as: name("x"), if: .always)
      let file = Glibc.open(path(in: folder), O_RDWR)
      #expect(!lock(file), "SQLite holds no lock")
      // Closing it here would end SQLite's locks too.
      try await catalog.ping()
    }
    // Closed, it lets others in at once.
    let file = Glibc.open(path(in: folder), O_RDWR)
    defer { close(file) }
    #expect(lock(file))
    let error = await #expect(throws: CatalogError.self) { try await open(folder) { _ in } }
    guard case .unavailable(let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(reason.contains("\(path(in: folder)) is in use by another process"))
  }

  /// Takes the lock that SQLite needs to read (SHARED_FIRST and the 510 bytes of its range).
  private func lock(_ file: Int32) -> Bool {
    var range = flock(
      l_type: Int16(F_WRLCK), l_whence: Int16(SEEK_SET), l_start: 0x4000_0002, l_len: 510, l_pid: 0)
    // F_OFD_SETLK of Linux.
    return fcntl(file, 37, &range) == 0
  }

  @Test func aDeletionIsForgottenAfterItsTime() async throws {
    try await withSQLite { catalog, clock in
      let name = try name("file")
      _ = try await catalog.put(makeObject(version(5)), as: name, if: .always)
      _ = try await catalog.delete(name, version: version(5), tombstone: version(6))
      clock.advance(by: CatalogLimits.deletionMemory)
      #expect(try await catalog.put(makeObject(version(4)), as: name, if: .always) == .stale(newest: version(6)))
      clock.advance(by: .seconds(1))
      #expect(try await catalog.put(makeObject(version(4)), as: name, if: .always) == .committed(replaced: nil))
    }
  }

  @Test func forgottenDeletionsAreRemovedFromTheFile() async throws {
    let folder = try TemporaryFolder("sqlite")
    let clock = ManualClock()
    try await open(folder, clock: clock) { catalog in
      for number in UInt64(1)...50 {
        if number == 50 { clock.advance(by: CatalogLimits.deletionMemory + .seconds(2)) }
        let name = try name("file \(number)")
        _ = try await catalog.put(makeObject(version(number)), as: name, if: .always)
        _ = try await catalog.delete(name, version: version(number), tombstone: version(number + 100))
      }
    }
    #expect(try count("deletions", in: folder) == 1)
  }

  @Test func theAgesOfNodesFollowTheClock() async throws {
    try await withSQLite { catalog, clock in
      let node = NodeID.make()
      _ = try await catalog.heartbeat(report(node), timeout: .seconds(90), takeOver: false)
      clock.advance(by: .milliseconds(89_999))
      #expect(try await catalog.nodes().map(\.ageMilliseconds) == [89_999])
      let other = report(node, incarnation: 2)
      #expect(try await catalog.heartbeat(other, timeout: .seconds(90), takeOver: false) != .accepted)
      clock.advance(by: .milliseconds(1))
      #expect(try await catalog.heartbeat(other, timeout: .seconds(90), takeOver: false) == .accepted)
      #expect(
        try await catalog.nodes().map(\.lastHeartbeat.millisecondsSinceEpoch) == [clock.now.millisecondsSinceEpoch])
    }
  }

  /// All puts wait together, so they share transactions with the ones that the database refuses.
  @Test func aWriteThatFailsDoesNotFailItsNeighbours() async throws {
    let folder = try TemporaryFolder("sqlite")
    try await open(folder) { _ in }
    try execute(
      """
      CREATE TRIGGER refuse BEFORE INSERT ON objects WHEN substr(NEW.key, 1, 3) = x'626164'
      BEGIN SELECT RAISE(ABORT, 'refused by the test'); END
      """, in: folder)
    try await open(folder) { (catalog) async throws in
      let failed: [String] = await withTaskGroup(of: String?.self) { group in
        for number in UInt64(1)...300 {
          group.addTask {
            let key = number % 30 == 0 ? "bad \(number)" : "good \(number)"
            do {
              let outcome = try await catalog.put(makeObject(version(number)), as: name(key), if: .always)
              #expect(outcome == .committed(replaced: nil))
              return nil
            } catch {
              #expect("\(error)".contains("refused by the test"))
              return key
            }
          }
        }
        return await group.reduce(into: []) { (failed, key) in failed += key.map { [$0] } ?? [] }
      }
      #expect(failed.count == 10)
      #expect(failed.allSatisfy { $0.hasPrefix("bad") })
      #expect(try await catalog.list(.default, ListQuery(limit: 1000)).entries.count == 290)
      for key in failed { #expect(try await catalog.object(name(key)) == nil) }
    }
  }

  /// The database gives up the transaction in which earlier changes were answered already.
  @Test func whatWasAnsweredOutlivesALostTransaction() async throws {
    let folder = try TemporaryFolder("sqlite")
    try await open(folder) { _ in }
    try execute(
      """
      CREATE TRIGGER refuse BEFORE INSERT ON objects WHEN NEW.key = x'626164'
      BEGIN SELECT RAISE(ROLLBACK, 'refused by the test'); END
      """, in: folder)
    try await open(folder) { (catalog) async throws in
      for number in UInt64(1)...50 {
        _ = try await catalog.put(makeObject(version(2 * number)), as: name("good \(number)"), if: .always)
        _ = try await catalog.put(makeObject(version(2 * number + 1)), as: name("gone \(number)"), if: .always)
        _ = try await catalog.delete(
          name("gone \(number)"), version: version(2 * number + 1), tombstone: version(1000 + number))
        // Refused, and not to be tried again when the others are.
        #expect(
          try await catalog.put(makeObject(version(1)), as: name("good \(number)"), if: .absent)
            == .conditionFailed(current: makeObject(version(2 * number))))
        await #expect(throws: CatalogError.self) {
          try await catalog.put(makeObject(version(5000)), as: name("bad"), if: .always)
        }
        #expect(try await catalog.object(name("good \(number)")) == makeObject(version(2 * number)))
        #expect(try await catalog.object(name("gone \(number)")) == nil)
      }
      #expect(try await catalog.list(.default, ListQuery(limit: 1000)).entries.count == 50)
    }
    #expect(try count("objects", in: folder) == 50)
    #expect(try count("deletions", in: folder) == 50)
  }

  /// A checkpoint begins at 4 MiB of log; without it, or without its end on the writer, the log would grow on.
  @Test func theLogStaysSmallUnderLoad() async throws {
    let folder = try TemporaryFolder("sqlite")
    try await open(folder, checkpointPages: 4096) { (catalog) async throws in
      try await withThrowingTaskGroup(of: Void.self) { group in
        for writer in 0..<64 {
          group.addTask {
            for number in 0..<300 {
              let id = UInt64(number * 64 + writer + 1)
              var object = makeObject(version(id))
              object.attributes.contentType = String(repeating: "x", count: 1500)
              _ = try await catalog.put(object, as: name("\(id.byteSwapped)"), if: .always)
            }
          }
        }
        try await group.waitForAll()
      }
      var information = stat()
      #expect(stat(path(in: folder) + "-wal", &information) == 0)
      // 1,500 bytes of attributes in 19,200 objects are more than 28 MB of log.
      #expect(information.st_size < 20 << 20)
    }
    #expect(try count("objects", in: folder) == 19_200)
  }

  /// Readers see versions that only grow, and never one older than what a finished put gave the name; with a cache
  /// so small that hits, misses and evictions mix, and with none.
  @Test(arguments: [0, 64 << 10, 16 << 20])
  func readersNeverGoBackInTime(cacheSize: Int) async throws {
    try await withSQLite(cacheSize: cacheSize) { catalog, _ in
      let versions = BlobIDGenerator()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for key in 0..<8 {
          let name = try name("key \(key)")
          for _ in 1...2 {
            group.addTask {
              for _ in 1...150 {
                let id = versions.next()
                let outcome = try await catalog.put(makeObject(id), as: name, if: .always)
                let seen = try #require(try await catalog.object(name))
                #expect(seen.head.blob >= id, "\(outcome)")
              }
            }
          }
          group.addTask {
            var last = BlobID(high: 0, low: 0)
            for round in 1...400 {
              let seen: BlobID?
              if round % 5 == 0 {
                let page = try await catalog.list(.default, ListQuery(prefix: name.key.text, limit: 1))
                seen = page.entries.first?.object.head.blob
              } else {
                seen = try await catalog.object(name)?.head.blob
              }
              if let seen {
                #expect(seen >= last)
                last = seen
              } else {
                #expect(last == BlobID(high: 0, low: 0))
              }
            }
          }
        }
        try await group.waitForAll()
      }
    }
  }

  // MARK: The file

  private func path(in folder: TemporaryFolder) -> String { folder.path + "/catalog.sqlite" }

  private func open(
    _ folder: TemporaryFolder, clock: ManualClock = ManualClock(),
    checkpointPages: Int = SQLiteCatalog.checkpointPagesDefault, _ body: (SQLiteCatalog) async throws -> Void
  ) async throws {
    let catalog = try await SQLiteCatalog.open(
      path: path(in: folder), checkpointPages: checkpointPages, threadPool: Threads.pool, logger: quiet,
      now: { clock.now })
    do {
      try await body(catalog)
      await catalog.close()
    } catch {
      await catalog.close()
      throw error
    }
  }

  private struct DatabaseError: Error {
    let code: Int32
  }

  private func execute(_ sql: String, in folder: TemporaryFolder) throws {
    _ = try query(sql, in: folder)
  }

  private func count(_ table: String, in folder: TemporaryFolder) throws -> Int64? {
    try query("SELECT count(*) FROM \(table)", in: folder)
  }

  private func query(_ sql: String, in folder: TemporaryFolder) throws -> Int64? {
    var database: OpaquePointer?
    defer { sqlite3_close_v2(database) }
    var statement: OpaquePointer?
    defer { sqlite3_finalize(statement) }
    for code in [
      sqlite3_open(path(in: folder), &database), sqlite3_prepare_v2(database, sql, -1, &statement, nil),
    ] where code != SQLITE_OK {
      throw DatabaseError(code: code)
    }
    switch sqlite3_step(statement) {
    case SQLITE_ROW: return sqlite3_column_int64(statement, 0)
    case SQLITE_DONE: return nil
    case let code: throw DatabaseError(code: code)
    }
  }
}
