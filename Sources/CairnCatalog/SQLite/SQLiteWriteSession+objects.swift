internal import CairnModel
internal import NIOCore

extension SQLiteWriteSession {
  func put(
    _ object: StoredObject, encoded: ByteBuffer, as name: ObjectName, if condition: WriteCondition
  ) throws(CatalogError) -> PutOutcome {
    let version = object.head.blob
    let deletion = try deletion(of: name)
    // Most names are new: then one statement finds that out and does it.
    if condition.allowsNewName, deletion == nil, try insert(name, version, encoded) {
      note(name, is: object)
      return .committed(replaced: nil)
    }
    let entry = try connection.entry(name)
    if let entry, entry.object == nil {
      // What it named is not known, and stays.
      guard condition == .always, let damaged = entry.version, damaged <= version else {
        throw .damaged(entryOf: name)
      }
      try update(name, version, encoded)
      note(name, is: object)
      return .committed(replaced: nil)
    }
    let current = entry?.object
    // The same version again: the answer to the first try was lost.
    if let current, current.head.blob == version { return .committed(replaced: nil) }
    switch condition {
    case .absent where current != nil: return .conditionFailed(current: current)
    case .version(let expected) where current?.head.blob != expected: return .conditionFailed(current: current)
    case .always, .absent, .version: break
    }
    if let newest = current?.head.blob ?? deletion?.tombstone, newest >= version { return .stale(newest: newest) }
    if current == nil {
      _ = try insert(name, version, encoded)
    } else {
      try update(name, version, encoded)
    }
    note(name, is: object)
    return .committed(replaced: current)
  }

  func relocate(
    _ object: StoredObject, encoded: ByteBuffer, as name: ObjectName
  ) throws(CatalogError) -> Bool {
    let version = object.head.blob
    guard try connection.entry(name)?.version == version else { return false }
    try update(name, version, encoded)
    note(name, is: object)
    return true
  }

  /// - Returns: false where the name is taken; then nothing is changed.
  private func insert(_ name: ObjectName, _ version: BlobID, _ value: ByteBuffer) throws(CatalogError) -> Bool {
    let statement = try connection.prepared(
      "INSERT INTO objects (bucket, key, version, value) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING")
    return try statement.use { (statement) throws(CatalogError) in
      try statement.bind(1, utf8: name.bucket.text)
      try statement.bind(2, utf8: name.key.text)
      try statement.bind(3, ByteBuffer(ordered: version))
      try statement.bind(4, value)
      _ = try statement.step()
      return connection.changeCount == 1
    }
  }

  private func update(_ name: ObjectName, _ version: BlobID, _ value: ByteBuffer) throws(CatalogError) {
    let statement = try connection.prepared("UPDATE objects SET version = ?, value = ? WHERE bucket = ? AND key = ?")
    try statement.use { (statement) throws(CatalogError) in
      try statement.bind(1, ByteBuffer(ordered: version))
      try statement.bind(2, value)
      try statement.bind(3, utf8: name.bucket.text)
      try statement.bind(4, utf8: name.key.text)
      _ = try statement.step()
    }
  }

  func delete(
    _ name: ObjectName, version: BlobID, tombstone: BlobID
  ) throws(CatalogError) -> DeleteOutcome {
    // The same deletion again: the answer to the first try was lost.
    if let deletion = try deletion(of: name), deletion.tombstone == tombstone {
      return .deleted(try StoredObject(catalogEntry: deletion.value, of: name))
    }
    guard let current = try connection.object(name) else { return .absent }
    guard current.head.blob == version else { return .changed(current: current) }
    try connection.prepared("DELETE FROM objects WHERE bucket = ? AND key = ?").use {
      (statement) throws(CatalogError) in
      try statement.bind(1, utf8: name.bucket.text)
      try statement.bind(2, utf8: name.key.text)
      _ = try statement.step()
    }
    try remember(name, deletedBy: max(tombstone, version), value: current.catalogEntry(of: name))
    note(name, is: nil)
    return .deleted(current)
  }
}

extension WriteCondition {
  fileprivate var allowsNewName: Bool {
    switch self {
    case .always, .absent: true
    case .version: false
    }
  }
}
