package import CairnModel
internal import NIOCore

extension RedisCatalog: ReconciledNodes {
  package func reconciledNodes() async throws(CatalogError) -> [NodeID: Reconciliation] {
    let reply = try await client.send(RedisCommand("HGETALL", keys.reconciled(.default)))
    guard case .array(let parts) = reply, parts.count.isMultiple(of: 2) else { throw .unexpected(reply, to: "HGETALL") }
    var found: [NodeID: Reconciliation] = [:]
    for index in stride(from: 0, to: parts.count, by: 2) {
      // Without an entry, all records of the node are read again.
      guard case .bytes(let node) = parts[index], let node = NodeID(String(buffer: node)),
        case .bytes(let value) = parts[index + 1], let value = Reconciliation(redisValue: String(buffer: value))
      else {
        skipped.note(.reconciledNode, parts[index].entryName, .unexpected(parts[index + 1], to: "HGETALL"))
        continue
      }
      found[node] = value
    }
    return found
  }

  package func setReconciled(
    _ nodes: [NodeID], process: String, epoch: CatalogEpoch
  ) async throws(CatalogError) {
    guard !nodes.isEmpty else { return }
    _ = try await client.run(
      RedisScripts.setReconciled, keys: [keys.reconciled(.default), keys.epoch(.default)], String(epoch.id), process,
      nodes.map(\.description).joined(separator: " "))
  }
}

extension Reconciliation {
  fileprivate init?(redisValue text: String) {
    let parts = text.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, let milliseconds = UInt64(parts[0]),
      let time = Timestamp(millisecondsSinceEpoch: milliseconds)
    else { return nil }
    self.init(process: String(parts[1]), time: time)
  }
}

extension RedisScripts {
  /// KEYS: reconciled, epoch. ARGV: the epoch's id, the process, the nodes.
  fileprivate static let setReconciled = RedisScript(
    """
    if redis.call('HGET', KEYS[2], 'id') ~= ARGV[1] then return 0 end
    \(RedisScript.allowedWhenFull("KEYS[1]"))
    local time = redis.call('TIME')
    local value = string.format('%d%03d %s', time[1], math.floor(time[2] / 1000), ARGV[2])
    for node in string.gmatch(ARGV[3], '%S+') do redis.call('HSET', KEYS[1], node, value) end
    return 1
    """)
}
