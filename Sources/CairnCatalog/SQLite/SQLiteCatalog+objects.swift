package import CairnModel
internal import NIOCore

extension SQLiteCatalog: ObjectCatalog {
  package func object(_ name: ObjectName) async throws(CatalogError) -> StoredObject? {
    if let known = cache.object(name) { return known }
    let cache = cache
    return try await readers.read { (connection) throws(CatalogError) in
      let ticket = cache.ticket(for: name)
      guard let object = try connection.object(name) else { return nil }
      cache.fill(name, with: object, ticket: ticket)
      return object
    }
  }

  package func object(
    version: BlobID, in bucket: BucketName
  ) async throws(CatalogError) -> (ObjectKey, StoredObject)? {
    if cache.hasUncommitted { try await writer.flush() }
    return try await readers.read { (connection) throws(CatalogError) in
      try connection.object(version: version, in: bucket)
    }
  }

  package func put(
    _ object: StoredObject, as name: ObjectName, if condition: WriteCondition
  ) async throws(CatalogError) -> PutOutcome {
    let value = object.catalogEntry(of: name)
    let put: SQLiteAnsweredJob<PutOutcome>.Body = { (session) throws(CatalogError) in
      try session.put(object, encoded: value, as: name, if: condition)
    }
    // Of two writes with a condition the records don't tell which one won: that must survive the process by itself.
    return condition == .always ? try await writer.change(put) : try await writer.write(put)
  }

  package func relocate(_ object: StoredObject, as name: ObjectName) async throws(CatalogError) -> Bool {
    let value = object.catalogEntry(of: name)
    return try await writer.change { (session) throws(CatalogError) in
      try session.relocate(object, encoded: value, as: name)
    }
  }

  package func delete(
    _ name: ObjectName, version: BlobID, tombstone: BlobID
  ) async throws(CatalogError) -> DeleteOutcome {
    try await writer.change { (session) throws(CatalogError) in
      try session.delete(name, version: version, tombstone: tombstone)
    }
  }
}

extension SQLiteConnection {
  func object(_ name: ObjectName) throws(CatalogError) -> StoredObject? {
    let statement = try prepared("SELECT value FROM objects WHERE bucket = ? AND key = ?")
    return try statement.use { (statement) throws(CatalogError) in
      try statement.bind(1, utf8: name.bucket.text)
      try statement.bind(2, utf8: name.key.text)
      return try statement.step() ? StoredObject(catalogEntry: statement.bytes(0), of: name) : nil
    }
  }

  /// The entry of a name. The object is nil where the entry can be read and its object can't.
  func entry(_ name: ObjectName) throws(CatalogError) -> (version: BlobID?, object: StoredObject?)? {
    let statement = try prepared("SELECT version, value FROM objects WHERE bucket = ? AND key = ?")
    return try statement.use { (statement) throws(CatalogError) -> (BlobID?, StoredObject?)? in
      try statement.bind(1, utf8: name.bucket.text)
      try statement.bind(2, utf8: name.key.text)
      guard try statement.step() else { return nil }
      var bytes = statement.bytes(0)
      let version = bytes.readOrderedBlobID()
      do throws(CatalogError) {
        let object = try StoredObject(catalogEntry: statement.bytes(1), of: name)
        return (version, object.head.blob == version ? object : nil)
      } catch .damaged {
        return (version, nil)
      }
    }
  }

  func object(version: BlobID, in bucket: BucketName) throws(CatalogError) -> (ObjectKey, StoredObject)? {
    let statement = try prepared("SELECT key, value FROM objects WHERE version = ? AND bucket = ?")
    return try statement.use { (statement) throws(CatalogError) in
      try statement.bind(1, ByteBuffer(ordered: version))
      try statement.bind(2, utf8: bucket.text)
      guard try statement.step() else { return nil }
      let key = try ObjectKey(catalogKey: statement.array(0))
      let name = ObjectName(bucket: bucket, key: key)
      let object = try StoredObject(catalogEntry: statement.bytes(1), of: name)
      guard object.head.blob == version else { throw .damaged(entryOf: name) }
      return (key, object)
    }
  }
}
