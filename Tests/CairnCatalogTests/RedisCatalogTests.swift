import CairnCatalog
import CairnModel
import CairnTestSupport
import Logging
import NIOCore
import NIOPosix
import Testing

/// What only the catalog in Redis promises, against real servers.
@Suite struct RedisCatalogTests {
  // MARK: Ways to connect

  @Test func aPasswordIsNeededAndTaken() async throws {
    let server = try await RedisServer(.init(password: "se cret\"é"))
    try await withRedis(server) { try await $0.ping() }
    try await withRedis(server, adjust: { $0.username = "default" }, { try await $0.ping() })
    try await withRedis(server, adjust: { $0.password = "wrong" }) { catalog in
      let reason = try await unavailable { try await catalog.ping() }
      #expect(reason.contains("Redis connection failed: 127.0.0.1:\(server.port): AUTH was refused: WRONGPASS"))
      #expect(!reason.contains("wrong"))
    }
    try await withRedis(server, adjust: { $0.password = nil }) { catalog in
      let reason = try await unavailable { try await catalog.ping() }
      #expect(reason.contains("PING was refused: NOAUTH"))
    }
  }

  @Test func aDatabaseNumberIsRespected() async throws {
    let server = try await RedisServer.shared()
    let prefix = "numbered-\(UInt64.random(in: .min ... .max))"
    let name = try name("only in 5")
    try await withRedis(server, adjust: { ($0.keyPrefix, $0.database) = (prefix, 5) }) { catalog in
      _ = try await catalog.put(makeObject(version(1)), as: name, if: .always)
    }
    try await withRedis(server, adjust: { ($0.keyPrefix, $0.database) = (prefix, 5) }) { catalog in
      let found = try await catalog.object(name)
      #expect(found == makeObject(version(1)))
    }
    try await withRedis(server, adjust: { ($0.keyPrefix, $0.database) = (prefix, 6) }) { catalog in
      let found = try await catalog.object(name)
      #expect(found == nil)
    }
    try await withRedis(server, adjust: { $0.database = 1_000_000 }) { catalog in
      let reason = try await unavailable { try await catalog.ping() }
      #expect(reason.contains("SELECT was refused"))
    }
  }

  @Test func aUnixSocketServes() async throws {
    let server = try await RedisServer.shared()
    try await withRedis(server, adjust: { $0.address = .unixSocket(path: server.socketPath) }) { catalog in
      let name = try name("by socket")
      _ = try await catalog.put(makeObject(version(1)), as: name, if: .always)
      #expect(try await catalog.object(name) != nil)
    }
    try await withRedis(server, adjust: { $0.address = .unixSocket(path: server.socketPath + ".none") }) { catalog in
      let reason = try await unavailable { try await catalog.ping() }
      #expect(reason == "Redis connection failed: \(server.socketPath).none: No such file or directory")
    }
  }

  @Test func aHostThatIsNotThereIsNamed() async throws {
    let server = try await RedisServer.shared()
    try await withRedis(server, adjust: { $0.address = .host("no-such-host.invalid", port: 6379) }) { catalog in
      let reason = try await unavailable { try await catalog.ping() }
      #expect(reason.hasPrefix("Redis connection failed: no-such-host.invalid:6379: "))
    }
  }

  @Test func aKeyPrefixWithBracesIsRefused() {
    #expect(throws: CatalogError.self) {
      try RedisCatalog(
        configuration: RedisConfiguration(address: .host("redis", port: 6379), keyPrefix: "a{b}"),
        eventLoopGroup: Threads.group, logger: quiet)
    }
  }

  @Test func theDescriptionOfAConfigurationKeepsThePassword() {
    let configuration = RedisConfiguration(address: .host("redis", port: 6379), password: "hush")
    #expect(!"\(configuration)".contains("hush"))
  }

  // MARK: Failure

  @Test func aServerThatComesBackIsFoundAgain() async throws {
    let server = try await RedisServer(.init(appendOnly: true))
    let log = LogRecorder()
    let start = ContinuousClock.now
    try await withRedis(server, logger: log.logger) { catalog in
      let name = try name("kept")
      _ = try await catalog.put(makeObject(version(1)), as: name, if: .always)
      for end in [server.stop, server.kill] {
        try await end()
        let reason = try await unavailable { try await catalog.ping() }
        #expect(reason.hasPrefix("Redis connection failed: 127.0.0.1:\(server.port): "))
        for _ in 1...50 { _ = try await unavailable { try await catalog.ping() } }
        try await server.restart()
        try await eventually { try await catalog.ping() }
        #expect(try await eventually { try await catalog.object(name) } == makeObject(version(1)))
      }
    }
    let warnings = log.messages(.warning)
    // There may be one more, of a connection that notices the second failure after another has reconnected. While Redis is
    // down, the warning is repeated every 30 s, which a busy machine can reach.
    let countMax = 3 + Int((ContinuousClock.now - start) / .seconds(30))
    #expect((2...countMax).contains(warnings.count), "one a fall, however many requests failed: \(warnings)")
    #expect(warnings.allSatisfy { $0.hasPrefix("Redis connection failed: 127.0.0.1:\(server.port): ") })
    #expect((2...warnings.count).contains(log.messages(.notice).count), "it is back")
  }

  @Test func requestsFailAtOnceWhileThereIsNoServer() async throws {
    let server = try await RedisServer()
    let patient: (inout RedisConfiguration) -> Void = {
      $0.connectTimeout = .seconds(600)
      $0.commandTimeout = .seconds(600)
    }
    try await withRedis(server, adjust: patient) { catalog in
      try await catalog.ping()
      try await server.stop()
      _ = try await unavailable { try await catalog.ping() }
      let start = ContinuousClock().now
      for _ in 1...100 { _ = try await unavailable { try await catalog.ping() } }
      #expect(ContinuousClock().now - start < .seconds(300), "not even one time-out")
    }
  }

  /// Frozen, the server takes commands and answers none; then it dies, and each of them fails.
  @Test func requestsInFlightFailWhenTheServerDies() async throws {
    let server = try await RedisServer()
    try await withRedis(server, adjust: { $0.commandTimeout = .seconds(60) }) { catalog in
      try await catalog.ping()
      server.freeze()
      let failed = try await withThrowingTaskGroup(of: String.self) { group in
        for number in UInt64(1)...100 {
          group.addTask {
            try await unavailable {
              try await catalog.put(makeObject(version(number)), as: name("file \(number)"), if: .always)
            }
          }
        }
        group.addTask {
          try await server.kill()
          return "killed"
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      #expect(failed.filter { $0.hasPrefix("Redis connection failed") }.count == 100)
    }
  }

  @Test func aServerThatHangsIsGivenUpAfterTheTimeout() async throws {
    let server = try await RedisServer()
    try await withRedis(server, adjust: { $0.commandTimeout = .milliseconds(200) }) { catalog in
      try await eventually { try await catalog.ping() }
      server.freeze()
      let reason = try await unavailable { try await catalog.ping() }
      #expect(reason.hasSuffix("no answer within 0.2 s"))
      server.thaw()
      try await eventually { try await catalog.ping() }
    }
  }

  /// A write whose answer was lost is retried with the same version until it is answered: the result must be as if
  /// it had been made once.
  @Test func retriesOverAFlappingServerLoseNothingAndDoNothingTwice() async throws {
    let server = try await RedisServer(.init(appendOnly: true))
    try await withRedis(server) { catalog in
      let versions = BlobIDGenerator()
      let outcomes = try await withThrowingTaskGroup(of: [(StoredObject, PutOutcome)].self) { group in
        for writer in 1...4 {
          group.addTask {
            var outcomes: [(StoredObject, PutOutcome)] = []
            for _ in 1...150 {
              let object = makeObject(versions.next())
              let outcome = try await eventually {
                try await catalog.put(object, as: name("writer \(writer)"), if: .always)
              }
              outcomes.append((object, outcome))
            }
            return outcomes
          }
        }
        group.addTask {
          for _ in 1...3 {
            try await server.kill()
            try await server.restart()
            try await eventually { try await catalog.ping() }
          }
          return []
        }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      for outcomes in outcomes where !outcomes.isEmpty {
        var last: StoredObject?
        for (object, outcome) in outcomes {
          // Nil after a retry: it isn't known any more what was replaced. Never the object itself.
          #expect(outcome == .committed(replaced: last) || outcome == .committed(replaced: nil))
          last = object
        }
      }
      let listed = try await catalog.list(.default, ListQuery(limit: 10)).entries.map(\.object)
      #expect(Set(listed) == Set(outcomes.compactMap { $0.last?.0 }))
    }
  }

  @Test func scriptsThatTheServerForgotAreSentAgain() async throws {
    let server = try await RedisServer()
    try await withRedis(server) { catalog in
      let name = try name("file")
      for number in UInt64(1)...3 {
        try server.command("SCRIPT", "FLUSH")
        let outcome = try await catalog.put(makeObject(version(number)), as: name, if: .always)
        #expect(outcome == .committed(replaced: number == 1 ? nil : makeObject(version(number - 1))))
      }
      let loads = try server.command("INFO", "commandstats")
      #expect(loads.contains("cmdstat_eval:calls=3"))
    }
  }

  @Test func aServerThatIsAReplicaIsUnavailable() async throws {
    let server = try await RedisServer()
    try await withRedis(server) { catalog in
      let name = try name("file")
      _ = try await catalog.put(makeObject(version(1)), as: name, if: .always)
      // A replica of nothing that answers: it serves reads of what it has, and refuses writes.
      try server.command("REPLICAOF", "127.0.0.1", "1")
      let reason = try await unavailable {
        try await catalog.put(makeObject(version(2)), as: name, if: .always)
      }
      #expect(reason.contains("READONLY"))
      try server.command("REPLICAOF", "NO", "ONE")
      let outcome = try await eventually { try await catalog.put(makeObject(version(2)), as: name, if: .always) }
      #expect(outcome == .committed(replaced: makeObject(version(1))))
    }
  }

  @Test func aKeyOfAnotherTypeIsAnError() async throws {
    let server = try await RedisServer()
    try await withRedis(server, adjust: { $0.keyPrefix = "own" }) { catalog in
      try server.command("SET", "own:{default}:objects", "not a hash")
      let error = await #expect(throws: CatalogError.self) { try await catalog.object(name("x")) }
      guard case .failed(let reason) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(reason.contains("WRONGTYPE"))
    }
  }

  // MARK: What it leaves in Redis

  @Test func deletionsExpire() async throws {
    let server = try await RedisServer()
    try await withRedis(server, adjust: { $0.keyPrefix = "own" }) { catalog in
      let name = try name("file")
      _ = try await catalog.put(makeObject(version(1)), as: name, if: .always)
      _ = try await catalog.delete(name, version: version(1), tombstone: version(5))
      // Nothing but the deletion and the bucket's epoch is left.
      #expect(try server.command("DBSIZE") == ":2")
      #expect(try server.command("EXISTS", "own:{default}:epoch") == ":1")
      let left = try #require(Int(try server.command("PTTL", "own:{default}:deleted:file").dropFirst()))
      #expect((3_590_000...3_600_000).contains(left))
      try server.command("DEL", "own:{default}:deleted:file")
      #expect(try await catalog.put(makeObject(version(2)), as: name, if: .always) == .committed(replaced: nil))
    }
  }

  @Test func allKeysOfABucketShareATag() async throws {
    let server = try await RedisServer()
    try await withRedis(server, adjust: { $0.keyPrefix = "own" }) { catalog in
      for key in ["a", "b{x}", "}{"] {
        _ = try await catalog.put(makeObject(version(1)), as: name(key), if: .always)
        _ = try await catalog.delete(name(key), version: version(1), tombstone: version(2))
      }
      _ = try await catalog.put(makeObject(version(3)), as: name("a"), if: .always)
      let keys = try server.command("KEYS", "*").split(separator: "\r\n").filter { $0.hasPrefix("own") }
      #expect(keys.count == 7)
      let slots = try keys.map { try server.command("CLUSTER", "KEYSLOT", String($0)) }
      #expect(keys.allSatisfy { $0.hasPrefix("own:{default}:") }, "\(slots)")
    }
  }

  /// One round trip and a bounded number of look-ups a page, however many names are hidden.
  @Test func aPageOfCommonPrefixesSeeks() async throws {
    let server = try await RedisServer()
    try await withRedis(server) { catalog in
      for folder in 0..<20 {
        for file in 0..<200 {
          let number = UInt64(folder * 200 + file + 1)
          _ = try await catalog.put(makeObject(version(number)), as: name("\(folder + 10)/\(file)"), if: .always)
        }
      }
      try server.command("CONFIG", "RESETSTAT")
      let page = try await catalog.list(.default, ListQuery(delimiter: "/", limit: 1000))
      #expect(page.prefixes.count == 20)
      let statistics = try server.command("INFO", "commandstats")
      let calls = try #require(statistics.split(separator: "cmdstat_zrangebylex:calls=").last?.prefix { $0.isNumber })
      #expect(try #require(Int(calls)) <= 21)
      #expect(statistics.contains("cmdstat_evalsha:calls=1,"))
    }
  }

  @Test func eachEventLoopHasAConnectionAndCommandsShareWrites() async throws {
    let server = try await RedisServer()
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
    let configuration = RedisConfiguration(address: .host("127.0.0.1", port: server.port))
    let catalog = try RedisCatalog(configuration: configuration, eventLoopGroup: group, logger: quiet)
    catalog.start()
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for _ in 1...400 { tasks.addTask { try await catalog.ping() } }
      try await tasks.waitForAll()
    }
    // The two, and the one that asks.
    #expect(try server.command("INFO", "clients").contains("connected_clients:3"))
    await catalog.close()
    try await eventually {
      let clients = try server.command("INFO", "clients")
      guard clients.contains("connected_clients:1") else { throw CatalogError.failed(clients) }
    }
    try await group.shutdownGracefully()
  }
}

/// Why `body` found the catalog unavailable.
func unavailable(_ body: () async throws -> some Any) async throws -> String {
  do {
    _ = try await body()
  } catch CatalogError.unavailable(let reason) {
    return reason
  }
  throw CatalogError.failed("it was available")
}

/// Tries until `body` succeeds, for five minutes at most: all suites run at once.
@discardableResult
func eventually<Value>(_ body: () async throws -> Value) async throws -> Value {
  let deadline = ContinuousClock().now + .seconds(300)
  while true {
    do {
      return try await body()
    } catch {
      guard ContinuousClock().now < deadline else { throw error }
      try await Task.sleep(for: .milliseconds(5))
    }
  }
}
