package import CairnModel
internal import NIOCore

extension RedisCatalog: CatalogEpochs {
  package func epoch(of bucket: BucketName) async throws(CatalogError) -> CatalogEpoch {
    let reply = try await client.run(
      RedisScripts.epoch, keys: [keys.epoch(bucket)], UInt64.random(in: .min ... .max))
    guard case .array(let parts) = reply, parts.count == 2, case .bytes(let id) = parts[0],
      case .bytes(let position) = parts[1], let id = UInt64(String(buffer: id)),
      let position = UInt64(String(buffer: position))
    else { throw .unexpected(reply, to: "epoch") }
    return CatalogEpoch(id: id, position: position)
  }

  package var interruptions: Int { client.interruptions }

  package func storeProcess() async throws(CatalogError) -> String {
    let reply = try await client.send(RedisCommand("INFO", "server"))
    guard case .bytes(let bytes) = reply else { throw .unexpected(reply, to: "INFO") }
    // The text is in lines that end with CR and LF, which are one Character.
    for line in String(buffer: bytes).split(whereSeparator: \.isNewline) where line.utf8.starts(with: "run_id:".utf8) {
      return String(line)
    }
    throw .failed("Redis's INFO has no run_id")
  }
}

extension RedisScripts {
  /// KEYS: epoch. ARGV: the id, if there is none. The id and the position, as texts: Lua's numbers are too short.
  fileprivate static let epoch = RedisScript(
    """
    local known = redis.call('HMGET', KEYS[1], 'id', 'position')
    if not known[1] then
      redis.call('HSET', KEYS[1], 'id', ARGV[1])
      known[1] = ARGV[1]
    end
    return {known[1], known[2] or '0'}
    """)
}
