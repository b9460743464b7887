internal import CairnModel
internal import NIOCore

/// SQLite keeps its indices itself, in the transaction that changes a row, and every list is a scan of its table: so only
/// a file that was damaged has any that don't agree, which its own check finds.
extension SQLiteCatalog: CatalogIndices {
  package func compareIndices(_ repair: IndexRepair) async throws(CatalogError) -> [IndexDifference] {
    let repairing = repair != .none
    if cache.hasUncommitted { try await writer.flush() }
    let errors = try await readers.read { (connection) throws(CatalogError) in try connection.integrityErrors() }
    if repairing, !errors.isEmpty {
      try await writer.write { (session) throws(CatalogError) in try session.connection.execute("REINDEX") }
    }
    return try await errors + damagedEntries(repairing)
  }

  /// Entries that are not what was put there. Where they are to be repaired, they go: a recovery puts them again.
  private func damagedEntries(_ repairing: Bool) async throws(CatalogError) -> [IndexDifference] {
    var found: [IndexDifference] = []
    var position: (bucket: [UInt8], key: [UInt8])? = ([], [])
    while let last = position {
      let page = try await readers.read { (connection) throws(CatalogError) in
        try connection.damagedEntries(after: last)
      }
      position = page.end
      found += page.damaged.map { IndexDifference(description: $0.error.description) }
      guard repairing, !page.damaged.isEmpty else { continue }
      try await writer.write { (session) throws(CatalogError) in
        for entry in page.damaged {
          try session.connection.prepared("DELETE FROM objects WHERE bucket = ? AND key = ?").use {
            (statement) throws(CatalogError) in
            try statement.bind(1, entry.bucket)
            try statement.bind(2, entry.key)
            _ = try statement.step()
          }
        }
      }
    }
    return found
  }
}

private struct DamagedEntry: Sendable {
  var bucket: [UInt8]
  var key: [UInt8]
  var error: CatalogError
}

extension SQLiteConnection {
  private static let pageLength: Int64 = 1000

  /// Those of a page, and where it ends; nil where it is the last.
  fileprivate func damagedEntries(
    after position: (bucket: [UInt8], key: [UInt8])
  ) throws(CatalogError) -> (damaged: [DamagedEntry], end: (bucket: [UInt8], key: [UInt8])?) {
    let statement = try prepared(
      "SELECT bucket, key, version, value FROM objects WHERE (bucket, key) > (?, ?) ORDER BY bucket, key LIMIT ?")
    return try statement.use { (statement) throws(CatalogError) in
      try statement.bind(1, position.bucket)
      try statement.bind(2, position.key)
      try statement.bind(3, Self.pageLength)
      var damaged: [DamagedEntry] = []
      var (end, count) = (position, Int64(0))
      while try statement.step() {
        end = (statement.array(0), statement.array(1))
        count += 1
        do throws(CatalogError) {
          let name = ObjectName(
            bucket: try BucketName(catalogName: end.bucket), key: try ObjectKey(catalogKey: end.key))
          var version = statement.bytes(2)
          guard try StoredObject(catalogEntry: statement.bytes(3), of: name).head.blob == version.readOrderedBlobID()
          else { throw .damaged(entryOf: name) }
        } catch {
          damaged.append(DamagedEntry(bucket: end.bucket, key: end.key, error: error))
        }
      }
      return (damaged, count == Self.pageLength ? end : nil)
    }
  }

  /// What SQLite finds wrong with the file: some lines, however much it is.
  fileprivate func integrityErrors() throws(CatalogError) -> [IndexDifference] {
    try prepared("PRAGMA integrity_check(20)").use { (statement) throws(CatalogError) in
      var errors: [IndexDifference] = []
      while try statement.step() {
        let line = String(decoding: statement.array(0), as: UTF8.self)
        if line != "ok" { errors.append(IndexDifference(description: "the catalog's file: \(line)")) }
      }
      return errors
    }
  }
}
