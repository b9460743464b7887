import CSQLite
import CairnModel
import CairnTestSupport
import NIOCore
import Testing

@testable import CairnCatalog

/// Entries that were damaged, or that are another name's.
@Suite struct CatalogEntryTests {
  @Test func everyBitOfAnEntryCounts() throws {
    let (name, object) = (try name("a/b"), makeObject(version(1)))
    let entry = object.catalogEntry(of: name)
    #expect(try StoredObject(catalogEntry: entry, of: name) == object)
    for bit in 0..<entry.readableBytes * 8 {
      var bytes = Array(entry.readableBytesView)
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      #expect(isDamaged { try StoredObject(catalogEntry: ByteBuffer(bytes: bytes), of: name) }, "bit \(bit)")
    }
    for count in 0..<entry.readableBytes {
      let part = ByteBuffer(entry.readableBytesView.prefix(count))
      #expect(isDamaged { try StoredObject(catalogEntry: part, of: name) }, "\(count) bytes")
    }
    for other in [try self.name("a"), try self.name("a/b", in: BucketName("other")), try self.name("a/bb")] {
      #expect(isDamaged { try StoredObject(catalogEntry: entry, of: other) }, "\(other)")
    }
    // As it was before entries had a checksum.
    #expect(isDamaged { try StoredObject(catalogEntry: object.encoded(), of: name) })
  }

  private func name(_ key: String, in bucket: BucketName = .default) throws -> ObjectName {
    ObjectName(bucket: bucket, key: try ObjectKey(key))
  }

  private func isDamaged(_ body: () throws -> some Any) -> Bool {
    do {
      _ = try body()
      return false
    } catch CatalogError.damaged {
      return true
    } catch {
      return false
    }
  }

  private func expectDamaged(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
  ) async {
    let error = await #expect(throws: CatalogError.self, sourceLocation: sourceLocation) { try await body() }
    guard case .damaged(let reason) = error else {
      Issue.record("\(String(describing: error))", sourceLocation: sourceLocation)
      return
    }
    #expect(reason.contains("default/a") && reason.contains("cairn recover"), sourceLocation: sourceLocation)
  }

  /// A catalog with `a` of version 1 and `b` of version 2, and what makes the entry of `a` a copy of that of `b`.
  private func withTwo(
    _ implementation: Implementation,
    _ body: (any ObjectCatalog & CatalogIndices, _ damage: () throws -> Void) async throws -> Void
  ) async throws {
    func fill(_ catalog: any ObjectCatalog) async throws {
      for (key, number) in [("a", UInt64(1)), ("b", 2)] {
        _ = try await catalog.put(makeObject(version(number)), as: name(key), if: .always)
      }
      _ = try await catalog.list(.default, ListQuery(limit: 1))
    }
    switch implementation {
    case .redis:
      let server = try await RedisServer.shared()
      let prefix = "damaged-\(UInt64.random(in: .min ... .max))"
      try await withRedis(server, adjust: { $0.keyPrefix = prefix }) { catalog in
        try await fill(catalog)
        try await body(catalog) {
          try server.command(
            "EVAL", "return redis.call('HSET', KEYS[1], 'a', redis.call('HGET', KEYS[1], 'b'))", "1",
            "\(prefix):{default}:objects")
        }
      }
    case .sqlite:
      let folder = try TemporaryFolder("damaged")
      let path = folder.path + "/catalog.sqlite"
      let catalog = try await SQLiteCatalog.open(path: path, cacheSize: 0, threadPool: Threads.pool, logger: quiet)
      try await fill(catalog)
      try await body(catalog) {
        var database: OpaquePointer?
        defer { sqlite3_close_v2(database) }
        sqlite3_open(path, &database)
        sqlite3_busy_timeout(database, 10_000)
        let sql = """
          UPDATE objects SET value = (SELECT value FROM objects WHERE key = x'62'),
          version = (SELECT version FROM objects WHERE key = x'62') WHERE key = x'61'
          """
        try #require(sqlite3_exec(database, sql, nil, nil, nil) == SQLITE_OK)
      }
      await catalog.close()
    }
  }

  @Test(arguments: Implementation.allCases)
  func anEntryOfAnotherNameIsNotServed(_ implementation: Implementation) async throws {
    try await withTwo(implementation) { catalog, damage in
      try damage()
      await expectDamaged { _ = try await catalog.object(name("a")) }
      await expectDamaged { _ = try await catalog.list(.default, ListQuery(limit: 10)) }
      await expectDamaged {
        _ = try await catalog.delete(name("a"), version: version(1), tombstone: version(5))
      }
      await expectDamaged { _ = try await catalog.put(makeObject(version(5)), as: name("a"), if: .absent) }
      await expectDamaged { _ = try await catalog.put(makeObject(version(1)), as: name("a"), if: .always) }
      #expect(try await catalog.object(name("b")) == makeObject(version(2)))
    }
  }

  /// What the entry named may be another object's.
  @Test(arguments: Implementation.allCases)
  func replacingADamagedEntrySaysOfNothingThatItIsGarbage(_ implementation: Implementation) async throws {
    try await withTwo(implementation) { catalog, damage in
      try damage()
      let outcome = try await catalog.put(makeObject(version(5)), as: name("a"), if: .always)
      #expect(outcome == .committed(replaced: nil))
      #expect(try await catalog.object(name("a")) == makeObject(version(5)))
      #expect(try await catalog.object(name("b")) == makeObject(version(2)))
      #expect(
        try await catalog.put(makeObject(version(6)), as: name("a"), if: .always)
          == .committed(replaced: makeObject(version(5))))
    }
  }

  @Test(arguments: Implementation.allCases)
  func damagedEntriesAreFoundAndMakeRoom(_ implementation: Implementation) async throws {
    try await withTwo(implementation) { catalog, damage in
      #expect(try await catalog.compareIndices(.all).isEmpty)
      try damage()
      for repair in [IndexRepair.none, .entries] {
        let found = try await catalog.compareIndices(repair)
        #expect(found.contains { $0.description.contains("default/a") }, "\(found)")
      }
      #expect(try await catalog.object(name("a")) == nil)
      #expect(try await catalog.put(makeObject(version(1)), as: name("a"), if: .always) == .committed(replaced: nil))
      #expect(try await catalog.list(.default, ListQuery(limit: 10)).entries.count == 2)
      _ = try await catalog.compareIndices(.all)
      #expect(try await catalog.compareIndices(.none).isEmpty)
    }
  }
}
