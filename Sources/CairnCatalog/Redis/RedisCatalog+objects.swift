package import CairnModel
internal import NIOCore

extension RedisCatalog: ObjectCatalog {
  package func object(_ name: ObjectName) async throws(CatalogError) -> StoredObject? {
    let reply = try await client.send(RedisCommand("HGET", keys.objects(name.bucket), name.key))
    return try StoredObject(optional: reply, to: "HGET")
  }

  package func object(
    version: BlobID, in bucket: BucketName
  ) async throws(CatalogError) -> (ObjectKey, StoredObject)? {
    let reply = try await client.run(
      RedisScripts.objectOfVersion, keys: [keys.versions(bucket), keys.objects(bucket)], version)
    switch reply {
    case .null: return nil
    case .array(let parts):
      guard parts.count == 2, case .bytes(let key) = parts[0],
        let object = try StoredObject(optional: parts[1], to: "version")
      else { throw .unexpected(reply, to: "version") }
      return (try ObjectKey(catalogKey: key.readableBytesView), object)
    default: throw .unexpected(reply, to: "version")
    }
  }

  package func put(
    _ object: StoredObject, as name: ObjectName, if condition: WriteCondition
  ) async throws(CatalogError) -> PutOutcome {
    var value = ByteBuffer(ordered: object.head.blob)
    value.writeImmutableBuffer(object.encoded())
    let required: ByteBuffer =
      switch condition {
      case .always: ByteBuffer()
      case .absent: ByteBuffer(string: RedisScripts.absent)
      case .version(let version): ByteBuffer(ordered: version)
      }
    let reply = try await client.run(RedisScripts.put, keys: objectKeys(name), name.key, value, required)
    let (outcome, detail) = try reply.outcome(of: "put")
    switch outcome {
    case "committed": return .committed(replaced: try StoredObject(optional: detail, to: "put"))
    case "failed": return .conditionFailed(current: try StoredObject(optional: detail, to: "put"))
    case "stale":
      guard case .bytes(var version) = detail, let newest = version.readOrderedBlobID() else {
        throw .unexpected(reply, to: "put")
      }
      return .stale(newest: newest)
    default: throw .unexpected(reply, to: "put")
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
    guard let object = try StoredObject(optional: detail, to: "delete") else {
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
  init(redisValue bytes: ByteBuffer) throws(CatalogError) {
    var bytes = bytes
    guard bytes.readOrderedBlobID() != nil else { throw .format(.truncated(what: "catalog entry")) }
    try self.init(catalogEntry: bytes)
  }

  /// The same, or nil where there is none.
  init?(optional reply: RedisReply, to command: StaticString) throws(CatalogError) {
    switch reply {
    case .null: return nil
    case .bytes(let bytes): try self.init(redisValue: bytes)
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
