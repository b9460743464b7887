import CairnCatalog
import CairnCluster
import CairnTestSupport
import Testing

@testable import cairn

/// Component files: what they say, and what is said of those that are wrong.
@Suite struct StateStoreComponentTests {
  /// As Dapr's own documentation has it.
  private static let redis = """
    apiVersion: dapr.io/v1alpha1
    kind: Component
    metadata:
      name: statestore
    spec:
      type: state.redis
      version: v1
      metadata:
      - name: redisHost
        value: redis.local:6380
      - name: redisPassword
        value: ""
      - name: redisDB
        value: 3
      - name: actorStateStore
        value: "true"
    """

  private static let sqlite = """
    apiVersion: dapr.io/v1alpha1
    kind: Component
    metadata: {name: statestore}
    spec:
      type: state.sqlite
      metadata:
      - {name: connectionString, value: "/var/lib/cairn/names.sqlite"}
    """

  private func reader(
    _ text: String, _ environment: [String: String] = [:], flags: [String: String] = [:]
  ) -> SettingReader {
    SettingReader(
      environment: ["STATE_STORE_COMPONENT": "statestore.yaml"].merging(environment) { $1 }, flags: flags,
      readFile: { _ in Array(text.utf8) })
  }

  private func error(of text: String) -> String? {
    do {
      _ = try StateStoreComponent(Array(text.utf8), file: "f.yaml")
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test func aRedisComponentSaysWhereRedisIs() throws {
    var reader = reader(Self.redis)
    let configuration = try RedisConfiguration(&reader)
    #expect(configuration.address == .host("redis.local", port: 6380))
    #expect(configuration.database == 3)
    #expect(configuration.password == nil)
    let shown = reader.entries.map { "\($0.name) \($0.value) (\($0.origin))" }
    #expect(shown.contains("STATE_STORE_COMPONENT statestore.yaml (environment)"))
    #expect(shown.contains("REDIS_HOST redis.local (statestore.yaml:10)"))
    #expect(shown.contains("REDIS_DB 3 (statestore.yaml:14)"))
  }

  @Test func thePortMayBeLeftOut() throws {
    var reader = reader(Self.redis.replacing("redis.local:6380", with: "redis.local"))
    #expect(try RedisConfiguration(&reader).address == .host("redis.local", port: 6379))
  }

  @Test func passwordsAreReadAndNotShown() throws {
    var reader = reader(Self.redis.replacing("\"\"", with: "hush"))
    #expect(try RedisConfiguration(&reader).password == "hush")
    #expect(!reader.entries.contains { $0.value.contains("hush") })
  }

  @Test func aPasswordThatTheFileLeavesOutMayComeFromTheEnvironment() throws {
    var reader = reader(Self.redis, ["REDIS_PASSWORD": "hush"])
    #expect(try RedisConfiguration(&reader).password == "hush")
  }

  @Test(arguments: ["REDIS_HOST", "REDIS_PORT", "REDIS_DB", "REDIS_SOCKET"])
  func whatTheFileSaysMustNotBeSetBesides(name: String) {
    for isFlag in [true, false] {
      var reader = reader(Self.redis, isFlag ? [:] : [name: "1"], flags: isFlag ? [name: "1"] : [:])
      let error = #expect(throws: ConfigurationError.self) { try RedisConfiguration(&reader) }
      let origin = isFlag ? "flag" : "environment"
      #expect(
        error.map { "\($0)" }
          == "\(name) (\(origin)) and STATE_STORE_COMPONENT (statestore.yaml) both say where the catalog is: set one of them"
      )
    }
  }

  @Test func aServerFollowsTheFile() throws {
    var sqlite = reader(Self.sqlite)
    guard case .alone(let alone) = try ServerMode(&sqlite) else { return #expect(Bool(false), "a peer") }
    #expect(alone.catalogPath == "/var/lib/cairn/names.sqlite")
    #expect(alone.replication.factor == 1)
    var redis = reader(Self.redis)
    guard case .peer(let peer) = try ServerMode(&redis) else { return #expect(Bool(false), "not a peer") }
    #expect(peer.coordinator.redis.address == .host("redis.local", port: 6380))
    #expect(peer.node.redis.address == .host("redis.local", port: 6380))
    var recover = reader(Self.sqlite)
    guard case .storagePath(_, let catalog) = try RecoverConfiguration(&recover, isLocal: true).place else {
      return #expect(Bool(false), "no storage path")
    }
    #expect(catalog == "/var/lib/cairn/names.sqlite")
  }

  @Test func withoutAFileTheCatalogIsInTheStoragePath() throws {
    var reader = SettingReader(environment: ["BASE_STORAGE_PATH": "/here"], flags: [:])
    #expect(try ServerConfiguration(&reader).catalogPath == "/here/catalog.sqlite")
  }

  @Test func aClusterNeedsACatalogThatItsMachinesCanShare() {
    func refused(_ read: (inout SettingReader) throws -> Void, _ environment: [String: String] = [:]) {
      var reader = reader(Self.sqlite, environment)
      let error = #expect(throws: ConfigurationError.self) { try read(&reader) }
      let text = error.map { "\($0)" } ?? ""
      #expect(text.hasPrefix("STATE_STORE_COMPONENT: statestore.yaml, line 5: state.sqlite is a file"), "\(text)")
    }
    refused { _ = try CoordinatorConfiguration(&$0) }
    refused { _ = try NodeConfiguration(&$0) }
    refused { _ = try ReplicatorConfiguration(&$0) }
    refused({ _ = try ServerMode(&$0) }, ["PEERS": "1"])
  }

  @Test(arguments: [
    (redis.replacing("state.redis", with: "state.mysql"), 6, "one of: state.redis, state.sqlite"),
    (redis.replacing("redisDB", with: "redisCluster"), 13, "allowed: redisHost, redisPassword, redisUsername, redisDB"),
    (redis.replacing("redisHost", with: "host"), 9, "'host' is unknown here, allowed: redisHost"),
    (redis.replacing("redis.local:6380", with: "redis.local:port"), 10, "allowed: HOST:PORT"),
    (redis.replacing("value: 3", with: "secretKeyRef: {name: a, key: b}"), 14, "allowed: name, value"),
    (redis.replacing("redisDB", with: "redisHost"), 13, "'redisHost' comes twice"),
    (redis.replacing("kind: Component", with: "kind: Configuration"), 2, "allowed: Component"),
    (redis.replacing("v1alpha1", with: "v2"), 1, "allowed: dapr.io/v1alpha1"),
    (redis.replacing("version: v1", with: "type: state.redis"), 7, "the key 'type' comes twice"),
    (redis.replacing("version: v1", with: "verison: v1"), 7, "allowed: type, version, metadata"),
    (redis.replacing("spec:", with: "specs:"), 5, "unknown key 'specs', allowed: apiVersion, kind, metadata, spec"),
    (sqlite.replacing("/var/lib/cairn/names.sqlite", with: ":memory:"), 7, "allowed: the path of a file"),
    (sqlite.replacing("connectionString", with: "redisHost"), 7, "allowed: connectionString"),
    (sqlite.replacing("state.sqlite", with: "[state.sqlite]"), 5, "one of: state.redis, state.sqlite"),
    ("- a\n- b", 1, "the file is a list, allowed: a mapping"), ("a: b: c", 1, "mapping values are not allowed"),
    ("", 1, "it is empty"), (redis + "\n---\nkind: Component", 17, "a second document begins here"),
    ("apiVersion: &a dapr.io/v1alpha1\nkind: *a", 2, "aliases"), ("? [a]\n: b", 1, "a key must be a text"),
    (String(repeating: "[", count: 5000), 1, "nested deeper than 16"),
    (String(repeating: "a: \n ", count: 3) + "\t\"", 3, ""), ("kind: \u{0}", 1, "control characters are not allowed"),
  ])
  func errorsNameFileLineAndWhatIsAllowed(text: String, line: Int, reason: String) {
    let error = error(of: text) ?? "no error"
    #expect(error.hasPrefix("STATE_STORE_COMPONENT: f.yaml, line \(line): "), "\(error)")
    #expect(error.contains(reason), "\(error)")
  }

  @Test func filesThatCanNotBeReadAreNamed() throws {
    let folder = try TemporaryFolder("component")
    #expect(throws: ConfigurationError.self) { try SettingReader.contents(folder.path + "/none.yaml") }
    #expect(throws: ConfigurationError.self) { try SettingReader.contents(folder.path) }
    // It has no end.
    let error = #expect(throws: ConfigurationError.self) { try SettingReader.contents("/dev/zero") }
    #expect(error.map { "\($0)" }?.contains("larger than 65536 bytes") == true)
  }

  /// A file may hold anything: it is refused or understood, and nothing worse.
  @Test func noBytesCrashTheReader() {
    var random = SeededRandom(seed: 7)
    let templates = [Array(Self.redis.utf8), Array(Self.sqlite.utf8)]
    let marks = Array("[]{}&*!|>'\"%@`#,?:-\n\t \u{0}".utf8)
    var accepted = 0
    for round in 0..<5_000 {
      var bytes = templates[round % 2]
      for _ in 0...Int.random(in: 0..<4, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &random)
        case 1: bytes[place] = marks.randomElement(using: &random) ?? 0
        case 2: bytes.remove(at: place)
        default: bytes.insert(contentsOf: bytes[..<(place / 4)], at: place)
        }
      }
      if (try? StateStoreComponent(bytes, file: "f.yaml")) != nil { accepted += 1 }
    }
    #expect((1..<5_000).contains(accepted))
  }
}
