package import CairnModel
internal import NIOCore

extension RedisCatalog: ObjectCatalog {
  package func object(_ name: ObjectName) async throws(CatalogError) -> StoredObject? {
    let reply = try await client.send(RedisCommand("HGET", keys.objects(name.bucket), name.key))
    return try StoredObject(optional: reply, of: name, to: "HGET")
  }

  package func object(
    version: BlobID, in bucket: BucketName
  ) async throws(CatalogError) -> (ObjectKey, StoredObject)? {
    let reply = try await client.run(
      RedisScripts.objectOfVersion, keys: [keys.versions(bucket), keys.objects(bucket)], version)
    switch reply {
    case .null: return nil
    case .array(let parts):
      guard parts.count == 2, case .bytes(let bytes) = parts[0] else { throw .unexpected(reply, to: "version") }
      let key = try ObjectKey(catalogKey: bytes.readableBytesView)
      let name = ObjectName(bucket: bucket, key: key)
      guard let object = try StoredObject(optional: parts[1], of: name, to: "version") else {
        throw .unexpected(reply, to: "version")
      }
      return (key, object)
    default: throw .unexpected(reply, to: "version")
    }
  }

  package func put(
    _ object: StoredObject, as name: ObjectName, if condition: WriteCondition
  ) async throws(CatalogError) -> PutOutcome {
    let value = Self.value(of: object, as: name)
    let required: ByteBuffer =
      switch condition {
      case .always: ByteBuffer()
      case .absent: ByteBuffer(string: RedisScripts.absent)
      case .version(let version): ByteBuffer(ordered: version)
      }
    let reply = try await client.run(RedisScripts.put, keys: objectKeys(name), name.key, value, required)
    let (outcome, detail) = try reply.outcome(of: "put")
    switch outcome {
    case "committed": return .committed(replaced: try replaced(detail, name))
    case "failed": return .conditionFailed(current: try StoredObject(optional: detail, of: name, to: "put"))
    case "stale":
      // A version of a damaged entry would lift every later one above it.
      guard let current = try StoredObject(optional: detail, of: name, to: "put") else {
        throw .unexpected(reply, to: "put")
      }
      return .stale(newest: current.head.blob)
    case "deleted":
      guard case .bytes(var version) = detail, let newest = version.readOrderedBlobID() else {
        throw .unexpected(reply, to: "put")
      }
      return .stale(newest: newest)
    default: throw .unexpected(reply, to: "put")
    }
  }

  package func relocate(_ object: StoredObject, as name: ObjectName) async throws(CatalogError) -> Bool {
    let reply = try await client.run(
      RedisScripts.relocate, keys: [keys.objects(name.bucket), keys.epoch(name.bucket)], name.key,
      Self.value(of: object, as: name))
    guard case .integer(let isCurrent) = reply else { throw .unexpected(reply, to: "relocate") }
    return isCurrent == 1
  }

  /// What is kept under a name: the version, as the scripts read it, and the entry.
  private static func value(of object: StoredObject, as name: ObjectName) -> ByteBuffer {
    var value = ByteBuffer(ordered: object.head.blob)
    value.writeImmutableBuffer(object.catalogEntry(of: name))
    return value
  }

  /// What was replaced. Nobody knows where its entry was damaged: then its blobs stay, and are found as orphans.
  private func replaced(_ reply: RedisReply, _ name: ObjectName) throws(CatalogError) -> StoredObject? {
    do throws(CatalogError) { return try StoredObject(optional: reply, of: name, to: "put") } catch {
      guard case .bytes = reply else { throw error }
      skipped.note(.object, name.key.text, error)
      return nil
    }
  }

  package func delete(
    _ name: ObjectName, version: BlobID, tombstone: BlobID
  ) async throws(CatalogError) -> DeleteOutcome {
    let reply = try await client.run(
      RedisScripts.delete, keys: objectKeys(name), name.key, version, tombstone,
      CatalogLimits.deletionMemory.milliseconds)
    let (outcome, detail) = try reply.outcome(of: "delete")
    guard outcome != "absent" else { return .absent }
    guard let object = try StoredObject(optional: detail, of: name, to: "delete") else {
      throw .unexpected(reply, to: "delete")
    }
    switch outcome {
    case "deleted": return .deleted(object)
    case "changed": return .changed(current: object)
    default: throw .unexpected(reply, to: "delete")
    }
  }

  private func objectKeys(_ name: ObjectName) -> [String] {
    [
      keys.objects(name.bucket), keys.names(name.bucket), keys.versions(name.bucket), keys.deletion(name),
      keys.epoch(name.bucket),
    ]
  }
}

extension StoredObject {
  /// Reads a value of the objects' HASH, whose first 16 bytes are the version, for the scripts.
  init(redisValue bytes: ByteBuffer, of name: ObjectName) throws(CatalogError) {
    var bytes = bytes
    let version = bytes.readOrderedBlobID()
    try self.init(catalogEntry: bytes, of: name)
    guard head.blob == version else { throw .damaged(entryOf: name) }
  }

  /// The same, or nil where there is none.
  init?(optional reply: RedisReply, of name: ObjectName, to command: StaticString) throws(CatalogError) {
    switch reply {
    case .null: return nil
    case .bytes(let bytes): try self.init(redisValue: bytes, of: name)
    default: throw .unexpected(reply, to: command)
    }
  }
}

extension RedisReply {
  /// The name of an outcome, and what belongs to it.
  fileprivate func outcome(of script: StaticString) throws(CatalogError) -> (String, RedisReply) {
    guard case .array(let parts) = self, case .bytes(let name) = parts.first else {
      throw .unexpected(self, to: script)
    }
    return (String(buffer: name), parts.count > 1 ? parts[1] : .null)
  }
}
