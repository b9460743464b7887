internal import Logging
internal import NIOCore
internal import Synchronization

/// Tells the operator when Redis goes away and when it is back: once each, however many connections notice, and again
/// from time to time while it lasts.
final class RedisAvailability: Sendable {
  private enum State {
    case unknown
    case up
    case down(logged: NIODeadline)
  }

  private let address: RedisConfiguration.Address
  private let logger: Logger
  private let state = Mutex(State.unknown)
  private let failureCount = Atomic(0)

  private static let reminderInterval = TimeAmount.seconds(30)

  init(address: RedisConfiguration.Address, logger: Logger) {
    self.address = address
    self.logger = logger
  }

  /// How often a connection failed.
  var failures: Int { failureCount.load(ordering: .acquiring) }

  func failed(cause: String, now: NIODeadline = .now()) {
    failureCount.add(1, ordering: .acquiringAndReleasing)
    let isNews = state.withLock { state in
      if case .down(let logged) = state, now < logged + Self.reminderInterval { return false }
      state = .down(logged: now)
      return true
    }
    var metadata: Logger.Metadata = ["cause": "\(cause)"]
    switch address {
    case .host(let name, let port):
      metadata["host"] = "\(name)"
      metadata["port"] = "\(port)"
    case .unixSocket(let path): metadata["socket"] = "\(path)"
    }
    logger.log(
      level: isNews ? .warning : .debug, "Redis connection failed: \(address): \(cause)", metadata: metadata)
  }

  func connected() {
    let wasDown = state.withLock { state in
      defer { state = .up }
      if case .down = state { return true }
      return false
    }
    logger.log(level: wasDown ? .notice : .debug, "Redis connected", metadata: ["address": "\(address)"])
  }
}
