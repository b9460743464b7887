package import CairnModel
internal import NIOCore

extension RedisCatalog: CatalogEpochs {
  package func epoch(of bucket: BucketName) async throws(CatalogError) -> CatalogEpoch {
    let reply = try await client.run(
      RedisScripts.epoch,
      keys: [keys.epoch(bucket), keys.objects(bucket), keys.names(bucket), keys.versions(bucket)],
      UInt64.random(in: .min ... .max))
    guard case .array(let parts) = reply, parts.count == 3, case .bytes(let id) = parts[0],
      case .bytes(let position) = parts[1], case .integer(let isIntact) = parts[2], let id = UInt64(String(buffer: id)),
      let position = UInt64(String(buffer: position))
    else { throw .unexpected(reply, to: "epoch") }
    return CatalogEpoch(id: id, position: position, isIntact: isIntact == 1)
  }

  package var interruptions: Int { client.interruptions }

  package func storeProcess() async throws(CatalogError) -> String {
    let info = try await serverInfo()
    guard let process = info.process else { throw .failed("Redis's INFO has no run_id") }
    return StoreLife(process: process, evictedKeys: info.evictedKeys).text
  }

  package var evictionRisk: String? { evictions.risk }
}

extension RedisScripts {
  /// KEYS: epoch, objects, names, versions. ARGV: the id, if there is none. The id and the position, as texts, as Lua's
  /// numbers are too short; 1 if the three have as many entries as were counted.
  fileprivate static let epoch = RedisScript(
    """
    local known = redis.call('HMGET', KEYS[1], 'id', 'position', 'count')
    if not known[1] then
      \(RedisScript.allowedWhenFull("KEYS[1]"))
      redis.call('HSET', KEYS[1], 'id', ARGV[1])
      known[1] = ARGV[1]
    end
    local count = tonumber(known[3] or '0')
    local isIntact = redis.call('HLEN', KEYS[2]) == count and redis.call('ZCARD', KEYS[3]) == count
      and redis.call('HLEN', KEYS[4]) == count
    return {known[1], known[2] or '0', isIntact and 1 or 0}
    """)
}
