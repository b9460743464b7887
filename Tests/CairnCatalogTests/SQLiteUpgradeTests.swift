import CSQLite
import CairnCatalog
import CairnModel
import CairnTestSupport
import Testing

/// Files that older versions of Cairn wrote.
@Suite struct SQLiteUpgradeTests {
  @Test func aFileOfVersion1IsUpgraded() async throws {
    let folder = try TemporaryFolder("sqlite")
    let path = folder.path + "/catalog.sqlite"
    try execute(Self.version1, path)
    let node = try #require(NodeID("000102030405060708090a0b0c0d0e0f"))
    // Twice: the second time it is of the new version.
    for isFirst in [true, false] {
      let catalog = try await SQLiteCatalog.open(path: path, threadPool: Threads.pool, logger: quiet)
      #expect(try await catalog.openVolumes() == [Volume(id: VolumeID(rawValue: 7), nodes: [node])])
      #expect(try await catalog.replayMarks().isEmpty, "entries had no checksum: all is replayed")
      let work = RepairWork(key: "x", kind: "test", payload: [1])
      #expect(try await catalog.enqueue(work) == isFirst)
      #expect(try await catalog.list(limit: 10).map(\.work) == [work])
      _ = try await catalog.heartbeat(report(node), timeout: .seconds(90), takeOver: false)
      #expect(try await catalog.nodes().map(\.isDraining) == [!isFirst])
      #expect(try await catalog.setDraining(node, true))
      await catalog.close()
    }
    #expect(try execute("PRAGMA user_version", path) == 5)
  }

  private struct DatabaseError: Error {
    let text: String
  }

  /// The first column of the last row, 0 where there is none.
  @discardableResult
  private func execute(_ sql: String, _ path: String) throws -> Int {
    var database: OpaquePointer?
    defer { sqlite3_close_v2(database) }
    guard sqlite3_open(path, &database) == SQLITE_OK else { throw DatabaseError(text: path) }
    var result = 0
    let code = sqlite3_exec(
      database, sql,
      { result, _, values, _ in
        if let text = values?[0] { result?.assumingMemoryBound(to: Int.self).pointee = Int(String(cString: text)) ?? 0 }
        return 0
      }, &result, nil)
    guard code == SQLITE_OK else { throw DatabaseError(text: String(cString: sqlite3_errmsg(database))) }
    return result
  }

  /// What version 1 made of a new file, with a volume and its mark.
  private static let version1 = """
    PRAGMA page_size = 1024;
    PRAGMA journal_mode = WAL;
    BEGIN IMMEDIATE;
    CREATE TABLE objects (
      bucket BLOB NOT NULL,
      key BLOB NOT NULL,
      version BLOB NOT NULL,
      value BLOB NOT NULL,
      PRIMARY KEY (bucket, key)
    ) WITHOUT ROWID;
    CREATE INDEX objects_by_version ON objects (version, bucket);
    CREATE TABLE deletions (
      bucket BLOB NOT NULL,
      key BLOB NOT NULL,
      tombstone BLOB NOT NULL,
      value BLOB NOT NULL,
      milliseconds INTEGER NOT NULL,
      PRIMARY KEY (bucket, key)
    ) WITHOUT ROWID;
    CREATE INDEX deletions_by_age ON deletions (milliseconds);
    CREATE TABLE volumes (
      id BLOB PRIMARY KEY NOT NULL,
      sealed INTEGER NOT NULL,
      value BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX volumes_open ON volumes (id) WHERE sealed = 0;
    CREATE TABLE nodes (
      id BLOB PRIMARY KEY NOT NULL,
      incarnation INTEGER NOT NULL,
      milliseconds INTEGER NOT NULL,
      departed INTEGER NOT NULL,
      report BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE marks (
      volume BLOB PRIMARY KEY NOT NULL,
      position INTEGER NOT NULL
    ) WITHOUT ROWID;
    PRAGMA application_id = 1128354382;
    PRAGMA user_version = 1;
    COMMIT;
    INSERT INTO volumes VALUES (
      x'0000000000000007', 0,
      x'0101200000003030303130323033303430353036303730383039306130623063306430653066');
    INSERT INTO marks VALUES (x'0000000000000007', 4096);
    """
}
