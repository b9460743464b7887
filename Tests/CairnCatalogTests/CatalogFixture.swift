import CairnCatalog
import CairnModel
import CairnTestSupport
import Logging
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// The implementations that pass one contract.
enum Implementation: String, CaseIterable, CustomTestStringConvertible {
  case sqlite
  case redis

  var testDescription: String { rawValue }
}

/// A catalog of its own for one test.
///
/// Tests of the contract take `any Catalog` only; what SQLite's clock says, they may set.
struct CatalogFixture: Sendable {
  let catalog: any Catalog
  let clock: ManualClock
}

/// A wall clock that stands still until it is moved.
final class ManualClock: Sendable {
  private let time: Mutex<Timestamp>

  init(_ time: Timestamp = .now()) {
    self.time = Mutex(time)
  }

  var now: Timestamp { time.withLock { $0 } }

  func advance(by duration: Duration) {
    let nanoseconds =
      UInt64(duration.components.seconds) * 1_000_000_000
      + UInt64(duration.components.attoseconds / 1_000_000_000)
    time.withLock { $0 = Timestamp(nanosecondsSinceEpoch: $0.nanosecondsSinceEpoch + nanoseconds) }
  }
}

/// Threads that all tests share.
enum Threads {
  static let pool: NIOThreadPool = {
    let pool = NIOThreadPool(numberOfThreads: 4)
    pool.start()
    return pool
  }()

  static let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
}

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

func withCatalog<Value>(
  _ implementation: Implementation, _ body: (CatalogFixture) async throws -> Value
) async throws -> Value {
  switch implementation {
  case .sqlite:
    try await withSQLite { catalog, clock in try await body(CatalogFixture(catalog: catalog, clock: clock)) }
  case .redis:
    try await withRedis(try await RedisServer.shared()) { catalog in
      try await body(CatalogFixture(catalog: catalog, clock: ManualClock()))
    }
  }
}

func withSQLite<Value>(
  cacheSize: Int = SQLiteCatalog.cacheSizeDefault, _ body: (SQLiteCatalog, ManualClock) async throws -> Value
) async throws -> Value {
  let folder = try TemporaryFolder("sqlite")
  let clock = ManualClock()
  let catalog = try await SQLiteCatalog.open(
    path: folder.path + "/catalog.sqlite", cacheSize: cacheSize, threadPool: Threads.pool, logger: quiet,
    now: { clock.now })
  do {
    let value = try await body(catalog, clock)
    await catalog.close()
    return value
  } catch {
    await catalog.close()
    throw error
  }
}

/// - Parameter adjust: changes the configuration, which names the server's port and a key prefix of its own.
func withRedis<Value>(
  _ server: RedisServer, logger: Logger = quiet, adjust: (inout RedisConfiguration) -> Void = { _ in },
  _ body: (RedisCatalog) async throws -> Value
) async throws -> Value {
  var configuration = RedisConfiguration(
    address: .host("127.0.0.1", port: server.port), password: server.options.password,
    keyPrefix: "test-\(UInt64.random(in: .min ... .max))",
    // All suites run at once, and under sanitizers.
    connectTimeout: .seconds(60), commandTimeout: .seconds(60))
  adjust(&configuration)
  let catalog = try RedisCatalog(configuration: configuration, eventLoopGroup: Threads.group, logger: logger)
  catalog.start()
  do {
    let value = try await body(catalog)
    await catalog.close()
    return value
  } catch {
    await catalog.close()
    throw error
  }
}

// MARK: Objects

func makeObject(_ version: BlobID, size: UInt64 = 1, contentType: String = "text/plain") -> StoredObject {
  StoredObject(
    head: BlobLocation(volume: VolumeID(rawValue: 7), blob: version),
    attributes: ObjectAttributes(
      size: size, contentType: contentType, createdAt: Timestamp(clampingMillisecondsSinceEpoch: 1_700_000_000_000),
      md5: Digest([UInt8](repeating: 1, count: 16)), sha256: Digest([UInt8](repeating: 2, count: 32)), layout: .inline))
}

/// Versions in order: each has other bytes in every half, so that a comparison by the wrong bytes is noticed.
func version(_ number: UInt64) -> BlobID {
  BlobID(high: number << 20 | 0xFF - number % 256, low: .max - number)
}

func name(_ key: String, in bucket: BucketName = .default) throws -> ObjectName {
  ObjectName(bucket: bucket, key: try ObjectKey(key))
}

extension PutOutcome {
  var isCommitted: Bool {
    if case .committed = self { true } else { false }
  }
}

/// Where random tests begin: taken from `CAIRN_TEST_SEED`, or made and printed.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(_ test: String) {
    let given = Environment.variable("CAIRN_TEST_SEED").flatMap { UInt64($0) }
    state = given ?? .random(in: .min ... .max)
    print("\(test): CAIRN_TEST_SEED=\(state)")
  }

  /// SplitMix64 (Steele, Lea, Flood, 2014).
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
