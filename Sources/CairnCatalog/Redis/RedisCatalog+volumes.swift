package import CairnModel
internal import NIOCore

extension RedisCatalog: VolumeCatalog {
  package func volume(_ id: VolumeID) async throws(CatalogError) -> Volume? {
    try await volumes(from: client.run(RedisScripts.volume, keys: [keys.volumes, keys.openVolumes], id)).first
  }

  package func add(_ volume: Volume) async throws(CatalogError) {
    _ = try await client.run(
      RedisScripts.addVolume, keys: [keys.volumes, keys.volumeIDs, keys.openVolumes], volume.id, volume.encoded(),
      volume.state == .open ? 1 : 0)
  }

  @discardableResult
  package func seal(_ id: VolumeID) async throws(CatalogError) -> Bool {
    // One command, and of several that try only one removes it.
    let reply = try await client.send(RedisCommand("SREM", keys.openVolumes, id))
    guard case .integer(let removed) = reply else { throw .unexpected(reply, to: "SREM") }
    return removed == 1
  }

  package func openVolumes() async throws(CatalogError) -> [Volume] {
    let reply = try await client.run(RedisScripts.openVolumes, keys: [keys.openVolumes, keys.volumes])
    guard case .array(let parts) = reply, parts.count.isMultiple(of: 3) else {
      throw .unexpected(reply, to: "openVolumes")
    }
    var volumes: [Volume] = []
    for index in stride(from: 0, to: parts.count, by: 3) {
      // One that can't be understood takes no writes; others do.
      let volume = skipped.read(.openVolume, parts[index].entryName) { () throws(CatalogError) in
        try self.volume(parts[index..<index + 3])
      }
      if let volume { volumes.append(volume) }
    }
    return volumes.sorted { $0.id < $1.id }
  }

  package func volumes(after start: VolumeID?, limit: Int) async throws(CatalogError) -> [Volume] {
    var lower = ByteBuffer(string: start == nil ? "-" : "(")
    if let start { lower.writeInteger(start.rawValue) }
    let reply = try await client.run(
      RedisScripts.volumes, keys: [keys.volumeIDs, keys.volumes, keys.openVolumes], lower, max(limit, 0))
    return try volumes(from: reply)
  }

  package func replaceNodes(
    of id: VolumeID, expecting expected: [NodeID], with nodes: [NodeID]
  ) async throws(CatalogError) -> Bool {
    guard let known = try await value(of: id, expecting: expected) else { return false }
    var replacement = known.volume
    replacement.nodes = nodes
    return try await client.run(
      RedisScripts.replaceVolume, keys: [keys.volumes], id, known.bytes, replacement.encoded()
    )
    .isDone(by: "replaceNodes")
  }

  package func remove(_ id: VolumeID, expecting expected: [NodeID]) async throws(CatalogError) -> Bool {
    guard let known = try await value(of: id, expecting: expected) else { return false }
    return try await client.run(
      RedisScripts.removeVolume, keys: [keys.volumes, keys.volumeIDs, keys.openVolumes, keys.marks], id, known.bytes
    ).isDone(by: "remove")
  }

  /// The bytes of a volume with these nodes. Scripts compare them instead of the nodes: what they mean is known only
  /// here, and an older form of the same nodes has other bytes than ``Volume/encoded()`` would give.
  private func value(
    of id: VolumeID, expecting expected: [NodeID]
  ) async throws(CatalogError) -> (bytes: ByteBuffer, volume: Volume)? {
    let reply = try await client.send(RedisCommand("HGET", keys.volumes, id))
    switch reply {
    case .null: return nil
    case .bytes(let value):
      let volume = try Volume(id: id, catalogEntry: value, state: .open)
      return volume.nodes == expected ? (value, volume) : nil
    default: throw .unexpected(reply, to: "HGET")
    }
  }

  /// Reads triples of id, volume, and whether it is open.
  private func volumes(from reply: RedisReply) throws(CatalogError) -> [Volume] {
    guard case .array(let parts) = reply, parts.count.isMultiple(of: 3) else {
      throw .unexpected(reply, to: "volumes")
    }
    var volumes: [Volume] = []
    for index in stride(from: 0, to: parts.count, by: 3) {
      volumes.append(try volume(parts[index..<index + 3]))
    }
    return volumes
  }

  /// - Parameter parts: id, volume, whether it is open.
  private func volume(_ parts: ArraySlice<RedisReply>) throws(CatalogError) -> Volume {
    let parts = Array(parts)
    guard parts.count == 3, case .bytes(var id) = parts[0], let id = id.readOrderedVolumeID(),
      case .bytes(let value) = parts[1], case .integer(let isOpen) = parts[2]
    else { throw .unexpected(.array(parts), to: "volumes") }
    return try Volume(id: id, catalogEntry: value, state: isOpen == 1 ? .open : .sealed)
  }
}

extension RedisScripts {
  /// KEYS: volumes, open volumes. ARGV: id.
  fileprivate static let volume = RedisScript(
    """
    local value = redis.call('HGET', KEYS[1], ARGV[1])
    if not value then return {} end
    return {ARGV[1], value, redis.call('SISMEMBER', KEYS[2], ARGV[1])}
    """)

  /// KEYS: volumes, volume ids, open volumes. ARGV: id, volume, 1 if it is open.
  ///
  /// Also in a full Redis: deletions stand in volumes too.
  fileprivate static let addVolume = RedisScript(
    RedisScript.allowedWhenFull("KEYS[1]") + """
      local isNew = redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 1
      -- Also for one that is known: an entry that was lost comes back.
      redis.call('ZADD', KEYS[2], 0, ARGV[1])
      if not isNew then return 0 end
      if ARGV[3] == '1' then redis.call('SADD', KEYS[3], ARGV[1]) end
      return 1
      """)

  /// KEYS: volumes. ARGV: id, volume as it must be, volume as it becomes.
  fileprivate static let replaceVolume = RedisScript(
    RedisScript.allowedWhenFull("KEYS[1]") + """
      if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
      redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
      return 1
      """)

  /// KEYS: volumes, volume ids, open volumes, replay marks. ARGV: id, volume as it must be.
  fileprivate static let removeVolume = RedisScript(
    """
    if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
    redis.call('HDEL', KEYS[1], ARGV[1])
    redis.call('ZREM', KEYS[2], ARGV[1])
    redis.call('SREM', KEYS[3], ARGV[1])
    redis.call('HDEL', KEYS[4], ARGV[1])
    return 1
    """)

  /// KEYS: open volumes, volumes.
  fileprivate static let openVolumes = RedisScript(
    """
    local answer = {}
    for _, id in ipairs(redis.call('SMEMBERS', KEYS[1])) do
      answer[#answer + 1] = id
      answer[#answer + 1] = redis.call('HGET', KEYS[2], id)
      answer[#answer + 1] = 1
    end
    return answer
    """)

  /// KEYS: volume ids, volumes, open volumes. ARGV: lower bound as ZRANGEBYLEX has it, limit.
  fileprivate static let volumes = RedisScript(
    """
    local ids = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[1], '+', 'LIMIT', 0, ARGV[2])
    local answer = {}
    -- Calls cost more than what they do; Lua takes no more than some thousands of arguments in one.
    for first = 1, #ids, 1000 do
      local last = math.min(first + 999, #ids)
      local values = redis.call('HMGET', KEYS[2], unpack(ids, first, last))
      local open = redis.call('SMISMEMBER', KEYS[3], unpack(ids, first, last))
      for index = first, last do
        answer[#answer + 1] = ids[index]
        answer[#answer + 1] = values[index - first + 1]
        answer[#answer + 1] = open[index - first + 1]
      end
    end
    return answer
    """)
}
