import CairnCatalog
import CairnModel
import CairnTestSupport
import Logging
import Testing

/// What is found out about a Redis that throws entries away.
@Suite struct RedisEvictionTests {
  private func refusal(_ server: RedisServer, adjust: (inout RedisConfiguration) -> Void = { _ in }) async throws
    -> String?
  {
    try await withRedis(server, adjust: adjust) { catalog in
      do throws(CatalogError) {
        try await catalog.refuseEvictions()
        return nil
      } catch {
        return "\(error)"
      }
    }
  }

  @Test(arguments: ["allkeys-lru", "allkeys-random", "volatile-lru", "volatile-ttl"])
  func everyPolicyButOneIsRefused(_ policy: String) async throws {
    let server = try await RedisServer(.init(arguments: ["--maxmemory-policy", policy]))
    let reason = try #require(try await refusal(server))
    for word in ["maxmemory-policy '\(policy)'", "'noeviction'", "127.0.0.1:\(server.port)"] {
      #expect(reason.contains(word), "\(reason)")
    }
    try server.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
    #expect(try await refusal(server) == nil)
  }

  /// Operators of other people's Redis forbid CONFIG, or more.
  @Test(arguments: [["-config"], ["-info"], ["-config", "-info"]])
  func eitherQuestionWillDo(_ forbidden: [String]) async throws {
    let server = try await RedisServer(.init(arguments: ["--maxmemory-policy", "allkeys-lru"]))
    let log = LogRecorder()
    try server.command(["ACL", "SETUSER", "u", "on", ">pass", "~*", "&*", "+@all"] + forbidden)
    try await withRedis(server, logger: log.logger, adjust: { ($0.username, $0.password) = ("u", "pass") }) { catalog in
      if forbidden.count == 2 {
        try await catalog.refuseEvictions()
        #expect(log.messages(.warning).contains { $0.contains("does not tell its maxmemory-policy") })
        _ = try await catalog.storeProcessIfAllowed()
      } else {
        await #expect(throws: CatalogError.self) { try await catalog.refuseEvictions() }
      }
    }
  }

  @Test func whatIsEvictedWhileItRunsIsSeen() async throws {
    let server = try await RedisServer()
    try await withRedis(server) { catalog in
      try await catalog.refuseEvictions()
      _ = try await catalog.put(makeObject(version(1)), as: name("x"), if: .always)
      let before = StoreLife(try await catalog.storeProcess())
      #expect(before.evictedKeys == 0 && catalog.evictionRisk == nil)
      // Without a limit it evicts nothing.
      try server.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
      #expect(StoreLife(try await catalog.storeProcess()) == before)
      #expect(catalog.evictionRisk == nil)
      try server.command("CONFIG", "SET", "maxmemory", "1")
      let after = StoreLife(try await catalog.storeProcess())
      #expect(after.hasEvicted(since: before) && after.process == before.process)
      #expect(catalog.evictionRisk?.contains("allkeys-lru") == true)
      try server.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
      #expect(StoreLife(try await catalog.storeProcess()).hasEvicted(since: before))
      #expect(catalog.evictionRisk == nil)
    }
  }

  @Test func aStoreThatIsAwayIsNotRefused() async throws {
    let server = try await RedisServer(.init(arguments: ["--maxmemory-policy", "allkeys-lru"]))
    try await server.kill()
    #expect(try await refusal(server) == nil)
  }

  @Test func aLifeIsReadAsItWasWritten() {
    for life in [
      StoreLife(process: "run_id:a", evictedKeys: 0), StoreLife(process: "run_id:a", evictedKeys: .max),
      StoreLife(process: "", evictedKeys: 3),
    ] { #expect(StoreLife(life.text) == life) }
    #expect(StoreLife("a evicted_keys:x") == StoreLife(process: "a evicted_keys:x", evictedKeys: 0))
    let old = StoreLife(process: "a", evictedKeys: 0)
    #expect(!StoreLife(process: "b", evictedKeys: 0).hasEvicted(since: old))
    #expect(StoreLife(process: "b", evictedKeys: 1).hasEvicted(since: old))
  }
}
