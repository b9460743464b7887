package import CairnModel
internal import NIOCore

extension RedisCatalog: NodeRegistry {
  package func heartbeat(
    _ report: NodeReport, timeout: Duration, takeOver: Bool
  ) async throws(CatalogError) -> HeartbeatOutcome {
    let reply = try await client.run(
      RedisScripts.heartbeat, keys: [keys.nodes, keys.heartbeats, keys.draining], report.node.description,
      ByteBuffer(integer: report.incarnation), report.encoded(), timeout.milliseconds, takeOver ? 1 : 0)
    guard case .array(let parts) = reply else { throw .unexpected(reply, to: "heartbeat") }
    guard !parts.isEmpty else { return .accepted }
    guard parts.count == 4, case .integer(let now) = parts[0] else { throw .unexpected(reply, to: "heartbeat") }
    let other = skipped.read(.heartbeat, "\(report.node)") { () throws(CatalogError) in
      try RegisteredNode(parts[1...], now: now)
    }
    // Nobody can be told from what makes no sense.
    guard let other else { return try await heartbeat(report, timeout: timeout, takeOver: true) }
    return .duplicate(of: other)
  }

  package func leave(_ node: NodeID, incarnation: UInt64) async throws(CatalogError) {
    _ = try await client.run(
      RedisScripts.leave, keys: [keys.heartbeats], node.description, ByteBuffer(integer: incarnation))
  }

  package func nodes() async throws(CatalogError) -> [RegisteredNode] {
    let reply = try await client.run(RedisScripts.nodes, keys: [keys.nodes, keys.heartbeats, keys.draining])
    guard case .array(let parts) = reply, parts.count % 4 == 1, case .integer(let now) = parts[0] else {
      throw .unexpected(reply, to: "nodes")
    }
    var nodes: [RegisteredNode] = []
    for index in stride(from: 1, to: parts.count, by: 4) {
      let node = skipped.read(.heartbeat, parts[index].entryName) { () throws(CatalogError) in
        try RegisteredNode(parts[index + 1..<index + 4], now: now)
      }
      if let node { nodes.append(node) }
    }
    return nodes.sorted { $0.report.node < $1.report.node }
  }

  @discardableResult
  package func setDraining(_ node: NodeID, _ isDraining: Bool) async throws(CatalogError) -> Bool {
    try await client.run(
      RedisScripts.setDraining, keys: [keys.nodes, keys.draining], node.description, isDraining ? 1 : 0
    ).isDone(by: "setDraining")
  }

  @discardableResult
  package func forget(_ node: NodeID) async throws(CatalogError) -> Bool {
    try await client.run(
      RedisScripts.forget, keys: [keys.nodes, keys.heartbeats, keys.draining], node.description
    ).isDone(by: "forget")
  }

  package func ping() async throws(CatalogError) {
    _ = try await client.send(RedisCommand("PING"))
  }
}

extension RegisteredNode {
  /// - Parameter parts: report, heartbeat as ``RedisKeys/heartbeats`` says, 1 if the node is to be emptied.
  fileprivate init(_ parts: ArraySlice<RedisReply>, now: Int64) throws(CatalogError) {
    let parts = Array(parts)
    guard parts.count == 3, case .bytes(let report) = parts[0], case .bytes(var heartbeat) = parts[1],
      case .integer(let isDraining) = parts[2]
    else { throw .unexpected(.array(parts), to: "nodes") }
    guard heartbeat.readInteger(as: UInt64.self) != nil, let departed = heartbeat.readInteger(as: UInt8.self),
      let milliseconds = UInt64(String(buffer: heartbeat))
    else { throw .format(.truncated(what: "heartbeat")) }
    try self.init(
      catalogEntry: report, lastHeartbeat: milliseconds, now: UInt64(clamping: now),
      departed: departed == UInt8(ascii: "1"), isDraining: isDraining == 1)
  }
}

extension RedisScripts {
  /// Milliseconds since 1970 by the clock of Redis, as a number.
  static let clock = """
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)

    """

  /// KEYS: nodes, heartbeats, draining. ARGV: node, incarnation, report, time-out in milliseconds, 1 to take over.
  /// Nothing where it was accepted; else the time, the other's report and heartbeat, 1 if it is to be emptied.
  fileprivate static let heartbeat = RedisScript(
    RedisScript.allowedWhenFull("KEYS[1]") + clock + """
      local known = redis.call('HGET', KEYS[2], ARGV[1])
      local last = known and tonumber(string.sub(known, 10))
      -- What is no time, or one that no clock shows, stands in nobody's way.
      if last and last <= \(Timestamp.millisecondsMax) and string.sub(known, 1, 8) ~= ARGV[2]
        and string.sub(known, 9, 9) == '0' and ARGV[5] == '0' and now - last < tonumber(ARGV[4]) then
        return {now, redis.call('HGET', KEYS[1], ARGV[1]), known, redis.call('SISMEMBER', KEYS[3], ARGV[1])}
      end
      redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
      redis.call('HSET', KEYS[2], ARGV[1], ARGV[2] .. '0' .. string.format('%.0f', now))
      return {}
      """)

  /// KEYS: heartbeats. ARGV: node, incarnation.
  fileprivate static let leave = RedisScript(
    RedisScript.allowedWhenFull("KEYS[1]") + """
      local known = redis.call('HGET', KEYS[1], ARGV[1])
      if known and string.sub(known, 1, 8) == ARGV[2] then
        redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. '1' .. string.sub(known, 10))
      end
      return 0
      """)

  /// KEYS: nodes, draining. ARGV: node, 1 to empty it.
  fileprivate static let setDraining = RedisScript(
    RedisScript.allowedWhenFull("KEYS[1]") + """
      if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
      redis.call(ARGV[2] == '1' and 'SADD' or 'SREM', KEYS[2], ARGV[1])
      return 1
      """)

  /// KEYS: nodes, heartbeats, draining. ARGV: node.
  fileprivate static let forget = RedisScript(
    """
    redis.call('HDEL', KEYS[2], ARGV[1])
    redis.call('SREM', KEYS[3], ARGV[1])
    return redis.call('HDEL', KEYS[1], ARGV[1])
    """)

  /// KEYS: nodes, heartbeats, draining. The time, then id, report, heartbeat and 1 if it is to be emptied of each node.
  fileprivate static let nodes = RedisScript(
    clock + """
      local reports = redis.call('HGETALL', KEYS[1])
      local answer = {now}
      for i = 1, #reports, 2 do
        answer[#answer + 1] = reports[i]
        answer[#answer + 1] = reports[i + 1]
        answer[#answer + 1] = redis.call('HGET', KEYS[2], reports[i])
        answer[#answer + 1] = redis.call('SISMEMBER', KEYS[3], reports[i])
      end
      return answer
      """)
}
