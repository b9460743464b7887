import CairnCatalog
import CairnModel
import CairnTestSupport
import Testing

/// The queue of repair work over the end of a catalog.
@Suite struct RepairRestartTests {
  @Test func theQueueOutlivesAnSQLiteCatalog() async throws {
    let folder = try TemporaryFolder("sqlite")
    func open() async throws -> SQLiteCatalog {
      try await SQLiteCatalog.open(path: folder.path + "/catalog.sqlite", threadPool: Threads.pool, logger: quiet)
    }
    let before = try await open()
    let (list, claimed) = try await fill(before)
    await before.close()
    let after = try await open()
    try await check(after, list, claimed)
    await after.close()
  }

  @Test func theQueueOutlivesRedis() async throws {
    let server = try await RedisServer(.init(appendOnly: true))
    try await withRedis(server) { catalog in
      let (list, claimed) = try await fill(catalog)
      try await server.kill()
      try await server.restart()
      try await eventually { try await catalog.ping() }
      try await check(catalog, list, claimed)
    }
  }

  /// What runs in one slot of a Redis Cluster.
  @Test func allKeysOfTheQueueShareATag() async throws {
    let server = try await RedisServer()
    try await withRedis(server, adjust: { $0.keyPrefix = "own" }) { catalog in
      _ = try await fill(catalog)
      let keys = try server.command("KEYS", "*").split(separator: "\r\n").filter { $0.hasPrefix("own") }
      #expect(
        keys.sorted() == ["queue", "retries", "states", "work"].map { "own:{cluster}:repair-\($0)" }, "\(keys)")
    }
  }

  /// Nothing of what ended stays in Redis, except the empty stream with its workers.
  @Test func endedWorkLeavesNothingInRedis() async throws {
    let server = try await RedisServer()
    try await withRedis(server, adjust: { $0.keyPrefix = "own" }) { catalog in
      try await catalog.enqueue(RepairWork(key: "x", kind: "test", payload: [1]))
      let first = try #require(try await catalog.claim(worker: "a", limit: 1, lease: .seconds(60)).first)
      try await catalog.fail(first, error: "no", retryAfter: .zero)
      let second = try #require(try await catalog.claim(worker: "a", limit: 1, lease: .seconds(60)).first)
      try await catalog.complete(second)
      #expect(try server.command("KEYS", "*").hasSuffix("own:{cluster}:repair-queue"))
      #expect(try server.command("XLEN", "own:{cluster}:repair-queue") == ":0")
      #expect(try server.command("XPENDING", "own:{cluster}:repair-queue", "workers").hasPrefix("*4\r\n:0"))
    }
  }

  private func fill(_ queue: any RepairQueue) async throws -> ([QueuedWork], ClaimedWork) {
    for key in ["fails", "runs", "waits"] {
      try await queue.enqueue(RepairWork(key: key, kind: "test", payload: [1, 2]))
    }
    let claims = try await queue.claim(worker: "a", limit: 2, lease: .seconds(3600))
    let (failed, running) = (try #require(claims.first), try #require(claims.last))
    try await queue.fail(failed, error: "no", retryAfter: .seconds(3600))
    try await queue.progress(running, done: 1, total: 2)
    return (try await queue.list(limit: 10), running)
  }

  private func check(_ queue: any RepairQueue, _ list: [QueuedWork], _ claimed: ClaimedWork) async throws {
    #expect(try await queue.list(limit: 10) == list)
    #expect(try await queue.enqueue(RepairWork(key: "runs", kind: "test", payload: [])) == false)
    #expect(try await queue.claim(worker: "b", limit: 10, lease: .seconds(60)).map(\.work.key) == ["waits"])
    #expect(try await queue.renew(claimed, lease: .seconds(60)), "it may go on where it was")
    #expect(try await queue.complete(claimed))
  }
}
