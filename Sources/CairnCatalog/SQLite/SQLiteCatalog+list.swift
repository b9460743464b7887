package import CairnModel

extension SQLiteCatalog {
  package func list(_ bucket: BucketName, _ query: ListQuery) async throws(CatalogError) -> ListPage {
    if cache.hasUncommitted { try await writer.flush() }
    let range = ListRange(query)
    return try await readers.read { (connection) throws(CatalogError) in
      try connection.list(bucket, range)
    }
  }
}

extension SQLiteConnection {
  fileprivate func list(_ bucket: BucketName, _ range: ListRange) throws(CatalogError) -> ListPage {
    let statement = try prepared(
      "SELECT key, value FROM objects WHERE bucket = ? AND key >= ? AND key < ? ORDER BY key")
    var page = ListPage(entries: [], prefixes: [], nextStartAfter: nil)
    var last: String?
    try statement.use { (statement) throws(CatalogError) in
      try statement.seek(bucket, range.lower, range.upper)
      while try statement.step() {
        guard page.entries.count + page.prefixes.count < range.limit else {
          page.nextStartAfter = last
          return
        }
        let bytes = statement.array(0)
        let key = try ObjectKey(catalogKey: bytes)
        guard let count = range.commonPrefixCount(bytes) else {
          let name = ObjectName(bucket: bucket, key: key)
          page.entries.append(.init(key: key, object: try StoredObject(catalogEntry: statement.bytes(1), of: name)))
          last = key.text
          continue
        }
        // A delimiter is whole characters, so a common prefix is valid text.
        let prefix = String(decoding: bytes[..<count], as: UTF8.self)
        page.prefixes.append(prefix)
        last = prefix
        // However many names it hides, the next one costs one descent.
        statement.reset()
        try statement.seek(bucket, ListRange.end(of: bytes[..<count]), range.upper)
      }
    }
    return page
  }
}

extension SQLiteStatement {
  fileprivate func seek(_ bucket: BucketName, _ lower: [UInt8], _ upper: [UInt8]) throws(CatalogError) {
    try bind(1, utf8: bucket.text)
    try bind(2, lower)
    try bind(3, upper)
  }
}
