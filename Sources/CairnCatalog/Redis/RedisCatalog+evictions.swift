internal import NIOCore

extension RedisCatalog {
  /// Makes sure that Redis keeps what it is given, before anything relies on it. A Redis that is away is asked when it
  /// is back, by ``storeProcess()``.
  ///
  /// - Throws: ``CatalogError/failed(_:)`` where it has another `maxmemory-policy` than `noeviction`.
  package func refuseEvictions() async throws(CatalogError) {
    do throws(CatalogError) {
      let memory: RedisMemorySettings?
      do throws(CatalogError) { memory = try await serverInfo().memory } catch .failed {
        memory = try await memorySettings()
      }
      try evictions.refuse(memory)
    } catch .unavailable {}
  }

  /// Asks Redis who it is and what it has thrown away, and looks at its settings on the way: one short command.
  func serverInfo() async throws(CatalogError) -> RedisServerInfo {
    let reply: RedisReply
    do throws(CatalogError) { reply = try await client.send(RedisCommand("INFO")) } catch {
      // An operator may have forbidden the one question and not the other.
      if case .failed = error { evictions.observe(try await memorySettings()) }
      throw error
    }
    guard case .bytes(let bytes) = reply else { throw .unexpected(reply, to: "INFO") }
    var info = RedisServerInfo(String(buffer: bytes))
    if info.memory == nil { info.memory = try await memorySettings() }
    evictions.observe(info.memory)
    return info
  }

  /// From `CONFIG GET`; nil where that is not permitted.
  private func memorySettings() async throws(CatalogError) -> RedisMemorySettings? {
    do throws(CatalogError) {
      guard let policy = try await setting("maxmemory-policy") else { return nil }
      return RedisMemorySettings(policy: policy, memoryMax: try await setting("maxmemory").flatMap { UInt64($0) })
    } catch .failed {
      return nil
    }
  }

  private func setting(_ name: String) async throws(CatalogError) -> String? {
    let reply = try await client.send(RedisCommand("CONFIG", "GET", name))
    guard case .array(let parts) = reply, parts.count == 2, case .bytes(let value) = parts[1] else { return nil }
    return String(buffer: value)
  }
}
