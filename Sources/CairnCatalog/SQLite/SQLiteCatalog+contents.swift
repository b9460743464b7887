package import CairnModel
internal import NIOCore

extension SQLiteCatalog: CatalogContents {
  package func buckets() async throws(CatalogError) -> [BucketName] {
    if cache.hasUncommitted { try await writer.flush() }
    return try await readers.read { (connection) throws(CatalogError) in
      // One descent a bucket, however many names each has.
      let statement = try connection.prepared("SELECT min(bucket) FROM objects WHERE bucket > ?")
      var buckets: [BucketName] = []
      var last: [UInt8] = []
      while true {
        let next = try statement.use { (statement) throws(CatalogError) in
          try statement.bind(1, last)
          return try statement.step() ? statement.array(0) : []
        }
        guard !next.isEmpty else { return buckets }
        buckets.append(try BucketName(catalogName: next))
        last = next
      }
    }
  }

  package func deletions(
    after cursor: DeletionPage.Cursor?, limit: Int
  ) async throws(CatalogError) -> DeletionPage {
    if cache.hasUncommitted { try await writer.flush() }
    let oldest =
      Int64(clamping: now().millisecondsSinceEpoch) - Int64(clamping: CatalogLimits.deletionMemory.milliseconds)
    // Bucket and key; neither has a zero.
    let position = (cursor?.bytes ?? [0]).split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    let (bucket, key) = (Array(position.first ?? []), Array(position.last ?? []))
    return try await readers.read { (connection) throws(CatalogError) in
      let statement = try connection.prepared(
        """
        SELECT bucket, key, tombstone, value FROM deletions
        WHERE (bucket, key) > (?, ?) AND milliseconds >= ? ORDER BY bucket, key LIMIT ?
        """)
      return try statement.use { (statement) throws(CatalogError) in
        try statement.bind(1, bucket)
        try statement.bind(2, key)
        try statement.bind(3, oldest)
        try statement.bind(4, Int64(max(limit, 1)))
        var page = DeletionPage(entries: [], next: nil)
        while try statement.step() {
          var tombstone = statement.bytes(2)
          guard let tombstone = tombstone.readOrderedBlobID() else {
            throw .format(.truncated(what: "deletion in the catalog"))
          }
          let (bucket, key) = (statement.array(0), statement.array(1))
          let name = ObjectName(bucket: try BucketName(catalogName: bucket), key: try ObjectKey(catalogKey: key))
          page.entries.append(
            .init(
              name: name, object: try StoredObject(catalogEntry: statement.bytes(3), of: name), tombstone: tombstone))
          page.next = DeletionPage.Cursor(bytes: bucket + [0] + key)
        }
        if page.entries.count < limit { page.next = nil }
        return page
      }
    }
  }
}
