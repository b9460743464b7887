internal import CairnModel
internal import NIOCore

extension SQLiteWriteSession {
  func put(
    _ object: StoredObject, encoded: ByteBuffer, as name: ObjectName, if condition: WriteCondition
  ) throws(CatalogError) -> PutOutcome {
    let current = try connection.object(name)
    let version = object.head.blob
    // The same version again: the answer to the first try was lost.
    if let current, current.head.blob == version { return .committed(replaced: nil) }
    switch condition {
    case .absent where current != nil: return .conditionFailed(current: current)
    case .version(let expected) where current?.head.blob != expected: return .conditionFailed(current: current)
    case .always, .absent, .version: break
    }
    let newest: BlobID?
    if let current {
      newest = current.head.blob
    } else {
      newest = try connection.deletion(of: name, since: forgetBefore)?.tombstone
    }
    if let newest, newest >= version { return .stale(newest: newest) }
    let statement = try connection.prepared(
      """
      INSERT INTO objects (bucket, key, version, value) VALUES (?1, ?2, ?3, ?4)
      ON CONFLICT (bucket, key) DO UPDATE SET version = ?3, value = ?4
      """)
    try statement.use { (statement) throws(CatalogError) in
      try statement.bind(1, utf8: name.bucket.text)
      try statement.bind(2, utf8: name.key.text)
      try statement.bind(3, ByteBuffer(ordered: version))
      try statement.bind(4, encoded)
      _ = try statement.step()
    }
    note(name, is: object)
    return .committed(replaced: current)
  }

  func delete(
    _ name: ObjectName, version: BlobID, tombstone: BlobID
  ) throws(CatalogError) -> DeleteOutcome {
    // The same deletion again: the answer to the first try was lost.
    if let deletion = try connection.deletion(of: name, since: forgetBefore), deletion.tombstone == tombstone {
      return .deleted(try StoredObject(catalogEntry: deletion.value))
    }
    guard let current = try connection.object(name) else { return .absent }
    guard current.head.blob == version else { return .changed(current: current) }
    try connection.prepared("DELETE FROM objects WHERE bucket = ? AND key = ?").use {
      (statement) throws(CatalogError) in
      try statement.bind(1, utf8: name.bucket.text)
      try statement.bind(2, utf8: name.key.text)
      _ = try statement.step()
    }
    try remember(name, deletedBy: max(tombstone, version), value: current.encoded())
    try forgetOldDeletions()
    note(name, is: nil)
    return .deleted(current)
  }

  private func remember(
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
  }

  /// Deletions before this moment, in milliseconds since 1970, are forgotten.
  private var forgetBefore: UInt64 {
    let memory = UInt64(CatalogLimits.deletionMemory.components.seconds) * 1000
    return nowMilliseconds > memory ? nowMilliseconds - memory : 0
  }

  /// Milliseconds between two rounds of removing what is forgotten anyway.
  private static let purgeInterval: UInt64 = 1000
  /// Rows of one round: more than can come in between two at any rate that one writer reaches is not needed, and a
  /// round must not hold up the batch that it is part of.
  private static let purgeCount = 20_000

  private func forgetOldDeletions() throws(CatalogError) {
    let now = nowMilliseconds
    guard now < purgedAt || now - purgedAt >= Self.purgeInterval else { return }
    let statement = try connection.prepared(
      """
      DELETE FROM deletions WHERE (bucket, key) IN
      (SELECT bucket, key FROM deletions WHERE milliseconds < ? ORDER BY milliseconds LIMIT ?)
      """)
    try statement.use { (statement) throws(CatalogError) in
      try statement.bind(1, Int64(clamping: forgetBefore))
      try statement.bind(2, Int64(Self.purgeCount))
      _ = try statement.step()
    }
    purgedAt = now
  }
}
