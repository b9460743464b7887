package import CairnCatalog
package import CairnModel
package import Logging
internal import Synchronization

/// Brings a catalog up to date that has lost data.
package protocol CatalogRecoverer: Sendable {
  /// What is known now.
  func remember() -> CatalogMemory

  /// - Returns: the nodes of the memory whose records could not be read.
  func recover(_ memory: CatalogMemory) async throws -> Set<NodeID>
}

/// What is needed to recover a catalog, as it was when the catalog was last known to be whole.
package struct CatalogMemory: Sendable {
  /// Nodes that answered, where they were reached.
  package var nodes: [NodeReport]
  package var volumes: [Volume]

  package init(nodes: [NodeReport], volumes: [Volume]) {
    self.nodes = nodes
    self.volumes = volumes
  }

  /// With what is known since: nodes may have been started again elsewhere.
  fileprivate func updated(by newer: Self) -> Self {
    var nodes = Dictionary(nodes.map { ($0.node, $0) }, uniquingKeysWith: { $1 })
    nodes.merge(newer.nodes.map { ($0.node, $0) }) { $1 }
    var volumes = Dictionary(volumes.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
    volumes.merge(newer.volumes.map { ($0.id, $0) }) { $1 }
    return Self(nodes: Array(nodes.values), volumes: Array(volumes.values))
  }
}

/// Notices that the catalog has lost data, and has it recovered: a Redis that was emptied, restored from an older
/// snapshot, or lost its last second doesn't say so.
package final class CatalogWatch: Sendable {
  /// Changes that are made between two looks can hide as many lost ones: so look often.
  private static let interval: Duration = .seconds(1)
  /// Between two tries to read nodes that are away: each reads all others again.
  private static let retryMax: Duration = .seconds(60)

  private struct State {
    var epoch: CatalogEpoch?
    var process: String?
    var memory: CatalogMemory?
    /// Something may be lost that the nodes have.
    var isDue = false
    /// Something is lost for certain, since then.
    var lostAt: ContinuousClock.Instant?
    /// Nodes that were away when the catalog was recovered.
    var missing: Set<NodeID> = []
    var nextTry = ContinuousClock.now
    var pause: Duration = .seconds(1)
  }

  private let epochs: any CatalogEpochs
  /// How long clients wait for nodes that are away, before they get what the others have.
  private let patience: Duration
  private let logger: Logger
  private let state = Mutex(State())

  package init(epochs: any CatalogEpochs, patience: Duration, logger: Logger) {
    self.epochs = epochs
    self.patience = patience
    self.logger = logger
  }

  /// Why requests may be answered as if files were missing; nil when they are not.
  package var reasonNotReady: String? {
    guard state.withLock({ $0.lostAt }) != nil else { return nil }
    return
      "The catalog has lost data (Redis was emptied, or came back older than it was) and is being recovered from the "
      + "storage nodes"
  }

  /// Looks again and again, until it is cancelled.
  package func run(_ recoverer: some CatalogRecoverer) async {
    while !Task.isCancelled {
      do {
        try await look(recoverer)
      } catch {
        // While the catalog is away nothing can be told; `/ready` says that it is.
        let level: Logger.Level = state.withLock { $0.isDue } ? .warning : .debug
        logger.log(level: level, "catalog not looked at or recovered", metadata: ["error": "\(error)"])
      }
      try? await Task.sleep(for: Self.interval)
    }
  }

  /// Looks once, and recovers what is lost.
  ///
  /// - Throws: when the catalog is away. A recovery that was begun goes on with the next look.
  package func look(_ recoverer: some CatalogRecoverer) async throws {
    // Before the catalog is asked: what is read of an emptied registry is no memory.
    let memory = recoverer.remember()
    let epoch = try await epochs.epoch(of: .default)
    // An operator may have forbidden the question; the epoch tells most of it.
    let process = try? await epochs.storeProcess()
    notice(epoch, process, memory)
    let known = state.withLock { state -> CatalogMemory? in
      let isBack = memory.nodes.contains { state.missing.contains($0.node) }
      guard state.isDue || isBack, state.nextTry <= .now else { return nil }
      return state.memory?.updated(by: memory) ?? memory
    }
    guard let known else { return }
    let missing = try await recoverer.recover(known)
    finish(missing: missing)
  }

  private func notice(_ epoch: CatalogEpoch, _ process: String?, _ memory: CatalogMemory) {
    let (isLost, isSuspect) = state.withLock { state in
      let isLost = state.epoch.map(epoch.isBehind) ?? false
      let isSuspect = !isLost && process != nil && state.process != nil && state.process != process
      if isLost { state.lostAt = state.lostAt ?? .now }
      if isLost || isSuspect {
        state.isDue = true
        state.nextTry = .now
        state.pause = .seconds(1)
      }
      if !state.isDue, state.missing.isEmpty { state.memory = memory }
      state.epoch = epoch
      state.process = process ?? state.process
      return (isLost, isSuspect)
    }
    if isLost { logger.warning("the catalog has lost data: it is recovered from the storage nodes") }
    // Most restarts lose nothing, so clients need not wait for the records to be read.
    if isSuspect { logger.notice("the catalog was restarted: it is compared with the storage nodes") }
  }

  private func finish(missing: Set<NodeID>) {
    let isOver = state.withLock { state in
      state.missing = missing
      state.isDue = false
      if missing.isEmpty {
        state.lostAt = nil
        return true
      }
      state.nextTry = .now + state.pause
      state.pause = min(state.pause * 2, Self.retryMax)
      guard let lostAt = state.lostAt else { return true }
      // To wait longer would take from the clients what there is.
      guard lostAt.duration(to: .now) < patience else {
        state.lostAt = nil
        return true
      }
      state.isDue = true
      return false
    }
    guard isOver else { return }
    guard !missing.isEmpty else { return logger.notice("the catalog is recovered") }
    logger.error(
      "the catalog is recovered without nodes that are away; it goes on when they are back",
      metadata: ["nodes": "\(missing.sorted().map(\.description).joined(separator: ","))"])
  }
}
