package import CairnCatalog
package import CairnModel
package import Logging

/// Tells the registry again and again that a node lives.
package struct Heartbeat: Sendable {
  /// Another process with this node's id is alive.
  package struct DuplicateNode: Error, CustomStringConvertible {
    package let node: NodeID
    package let other: NodeReport

    package var description: String {
      "node \(node) is already running at \(other.address):\(other.port) (storage path \(other.storagePath)): "
        + "two nodes can't share one id; if this storage path is a copy, delete node.json in it"
    }
  }

  private let registry: any NodeRegistry
  private let interval: Duration
  private let timeout: Duration
  private let report: @Sendable () -> NodeReport
  private let isAlive: @Sendable (RegisteredNode) async -> Bool
  private let logger: Logger

  /// - Parameters:
  ///   - interval: between heartbeats (`NODE_HEARTBEAT_INTERVAL`).
  ///   - timeout: the age at which a heartbeat is too old (`NODE_TIMEOUT`).
  ///   - report: what the node says of itself.
  ///   - isAlive: whether a node answers at its address, as the same id and incarnation.
  package init(
    registry: any NodeRegistry, interval: Duration, timeout: Duration, report: @escaping @Sendable () -> NodeReport,
    isAlive: @escaping @Sendable (RegisteredNode) async -> Bool, logger: Logger
  ) {
    self.registry = registry
    self.interval = interval
    self.timeout = timeout
    self.report = report
    self.isAlive = isAlive
    self.logger = logger
  }

  /// Sends heartbeats until it is cancelled, then takes leave.
  ///
  /// While the registry is away the node goes on serving, and tries again soon.
  /// - Throws: ``DuplicateNode``.
  package func run() async throws(DuplicateNode) {
    var failure = RepeatedFailure()
    while !Task.isCancelled {
      var pause = interval
      let duplicate: NodeReport?
      do throws(CatalogError) {
        duplicate = try await beat()
        failure.end()
      } catch {
        duplicate = nil
        if failure.isNews("\(error)") { logger.warning("heartbeat failed", metadata: ["error": "\(error)"]) }
        pause = min(interval, .seconds(1))
      }
      if let duplicate { throw DuplicateNode(node: duplicate.node, other: duplicate) }
      try? await Task.sleep(for: pause)
    }
    let last = report()
    _ = try? await registry.leave(last.node, incarnation: last.incarnation)
  }

  /// As ``run()``, for a node that can't have a double.
  package func runUntilCancelled() async {
    do throws(DuplicateNode) { try await run() } catch {
      logger.critical("heartbeats stopped", metadata: ["error": "\(error)"])
    }
  }

  /// Sends one heartbeat. Returns the other living process with the same id, if there is one.
  @discardableResult
  package func beat() async throws(CatalogError) -> NodeReport? {
    let report = report()
    guard case .duplicate(let other) = try await registry.heartbeat(report, timeout: timeout, takeOver: false) else {
      return nil
    }
    // A node that was killed and came back finds its own last heartbeat: nobody answers there.
    if await isAlive(other) { return other.report }
    _ = try await registry.heartbeat(report, timeout: timeout, takeOver: true)
    return nil
  }
}
