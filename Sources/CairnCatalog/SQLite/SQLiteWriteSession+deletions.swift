internal import CairnModel
internal import NIOCore

/// The memory of deletions: which version a deleted name must exceed, and the object it had, for a deletion whose
/// answer was lost and that is asked for again.
extension SQLiteWriteSession {
  /// What is remembered of the deletion of `name`. Costs nothing where nothing was deleted for long.
  func deletion(of name: ObjectName) throws(CatalogError) -> (tombstone: BlobID, value: ByteBuffer)? {
    guard try remembersDeletions() else { return nil }
    try forgetOldDeletions()
    let statement = try connection.prepared(
      "SELECT tombstone, value FROM deletions WHERE bucket = ? AND key = ? AND milliseconds >= ?")
    return try statement.use { (statement) throws(CatalogError) in
      try statement.bind(1, utf8: name.bucket.text)
      try statement.bind(2, utf8: name.key.text)
      try statement.bind(3, Int64(clamping: forgetBefore))
      guard try statement.step() else { return nil }
      var tombstone = statement.bytes(0)
      guard let id = tombstone.readOrderedBlobID() else {
        throw .format(.truncated(what: "deletion in the catalog"))
      }
      return (id, statement.bytes(1))
    }
  }

  func remember(
    _ name: ObjectName, deletedBy tombstone: BlobID, value: ByteBuffer
  ) throws(CatalogError) {
    let statement = try connection.prepared(
      "INSERT OR REPLACE INTO deletions (bucket, key, tombstone, value, milliseconds) VALUES (?, ?, ?, ?, ?)")
    try statement.use { (statement) throws(CatalogError) in
      try statement.bind(1, utf8: name.bucket.text)
      try statement.bind(2, utf8: name.key.text)
      try statement.bind(3, ByteBuffer(ordered: tombstone))
      try statement.bind(4, value)
      try statement.bind(5, Int64(clamping: nowMilliseconds))
      _ = try statement.step()
    }
    deletions.isEmpty = false
    deletions.sincePurge += 1
  }

  /// Deletions before this moment, in milliseconds since 1970, are forgotten.
  private var forgetBefore: UInt64 {
    let memory = CatalogLimits.deletionMemory.milliseconds
    return nowMilliseconds > memory ? nowMilliseconds - memory : 0
  }

  /// Old rows are removed after so many deletions, or after so many milliseconds.
  private static let purgeAfterCount = 100
  private static let purgeAfterMilliseconds: UInt64 = 10_000
  /// Rows removed at a time: more than come in between, and few enough not to hold up the batch.
  private static let purgeCount: Int64 = 1000

  private func forgetOldDeletions() throws(CatalogError) {
    let now = nowMilliseconds
    guard
      deletions.sincePurge >= Self.purgeAfterCount || now < deletions.purgedAt
        || now - deletions.purgedAt >= Self.purgeAfterMilliseconds
    else { return }
    let statement = try connection.prepared(
      """
      DELETE FROM deletions WHERE (bucket, key) IN
      (SELECT bucket, key FROM deletions WHERE milliseconds < ? ORDER BY milliseconds LIMIT ?)
      """)
    try statement.use { (statement) throws(CatalogError) in
      try statement.bind(1, Int64(clamping: forgetBefore))
      try statement.bind(2, Self.purgeCount)
      _ = try statement.step()
    }
    deletions = Deletions(isEmpty: nil, sincePurge: 0, purgedAt: now)
  }

  private func remembersDeletions() throws(CatalogError) -> Bool {
    if let isEmpty = deletions.isEmpty { return !isEmpty }
    let isEmpty = try connection.integer("SELECT EXISTS (SELECT 1 FROM deletions)") == 0
    deletions.isEmpty = isEmpty
    return !isEmpty
  }
}
