internal import Logging
internal import NIOCore
internal import Synchronization

/// Whether Redis throws entries away to make room for others. Then files seem to be gone that are stored, so nothing
/// but `maxmemory-policy noeviction` will do.
final class RedisEvictions: Sendable {
  /// Why Redis may be throwing entries away now; nil where it keeps them, as far as anybody can tell.
  var risk: String? { state.withLock { $0.risk } }

  private struct State {
    var risk: String?
    var logged: NIODeadline?
    var isUnknownLogged = false
  }

  private static let policyAllowed = "noeviction"
  private static let reminderInterval = TimeAmount.seconds(30)

  private let address: RedisConfiguration.Address
  private let logger: Logger
  private let state = Mutex(State())

  init(address: RedisConfiguration.Address, logger: Logger) {
    self.address = address
    self.logger = logger
  }

  /// Takes note of what Redis says of itself.
  ///
  /// - Parameter memory: its settings; nil where it tells nobody.
  func observe(_ memory: RedisMemorySettings?, now: NIODeadline = .now()) {
    guard let memory else { return warnOnce() }
    let risk = memory.mayEvict ? objection(to: memory) : nil
    let (isNews, isOver) = state.withLock { state in
      let isOver = state.risk != nil && risk == nil
      state.risk = risk
      guard risk != nil else {
        state.logged = nil
        return (false, isOver)
      }
      if let logged = state.logged, now < logged + Self.reminderInterval { return (false, false) }
      state.logged = now
      return (true, false)
    }
    if isNews, let risk { logger.error("\(risk)", metadata: memory.logMetadata) }
    if isOver { logger.notice("Redis keeps its entries again", metadata: memory.logMetadata) }
  }

  /// - Throws: ``CatalogError/failed(_:)`` where the policy is one that evicts, or would as soon as `maxmemory` is set.
  func refuse(_ memory: RedisMemorySettings?) throws(CatalogError) {
    observe(memory)
    guard let memory, memory.policy != Self.policyAllowed else { return }
    throw .failed(objection(to: memory))
  }

  private func objection(to memory: RedisMemorySettings) -> String {
    "Redis at \(address) has maxmemory-policy '\(memory.policy)', with which it throws away what Cairn keeps in it: only "
      + "'\(Self.policyAllowed)' is allowed (CONFIG SET maxmemory-policy \(Self.policyAllowed), and the same in redis.conf)"
  }

  private func warnOnce() {
    let isNews = state.withLock { state in
      defer { state.isUnknownLogged = true }
      return !state.isUnknownLogged
    }
    guard isNews else { return }
    logger.warning(
      "Redis does not tell its maxmemory-policy (neither INFO nor CONFIG GET is permitted): make sure that it is noeviction",
      metadata: ["address": "\(address)"])
  }
}

/// What a Redis does when its memory is full.
struct RedisMemorySettings: Hashable, Sendable {
  var policy: String
  /// Bytes; 0 for no limit, nil where it is not known.
  var memoryMax: UInt64?

  /// Without a limit nothing is evicted, whatever the policy says.
  var mayEvict: Bool { policy != "noeviction" && memoryMax != 0 }

  fileprivate var logMetadata: Logger.Metadata {
    ["maxmemory-policy": "\(policy)", "maxmemory": "\(memoryMax.map { "\($0)" } ?? "unknown")"]
  }
}

/// The fields of Redis's `INFO` that Cairn reads.
struct RedisServerInfo: Sendable {
  private(set) var process: String?
  private(set) var evictedKeys: UInt64 = 0
  var memory: RedisMemorySettings?

  init(_ text: String) {
    var policy: String?
    var memoryMax: UInt64?
    // The text is in lines that end with CR and LF, which are one Character.
    for line in text.split(whereSeparator: \.isNewline) {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2 else { continue }
      switch parts[0] {
      case "run_id": process = String(line)
      case "evicted_keys": evictedKeys = UInt64(parts[1]) ?? 0
      case "maxmemory": memoryMax = UInt64(parts[1])
      case "maxmemory_policy": policy = String(parts[1])
      default: break
      }
    }
    memory = policy.map { RedisMemorySettings(policy: $0, memoryMax: memoryMax) }
  }
}
