package import CairnCatalog
package import CairnModel
package import Logging
internal import Synchronization

/// Brings a catalog up to date that has lost data.
package protocol CatalogRecoverer: Sendable {
  /// What is known now.
  func remember() -> CatalogMemory

  /// Puts into the catalog what the nodes of `memory` have and it lacks.
  ///
  /// - Parameter since: what was written before is in the catalog; nil when nothing is known.
  /// - Returns: the nodes of the memory whose records could not be read.
  func recover(_ memory: CatalogMemory, since: Timestamp?) async throws -> Set<NodeID>
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

/// Notices that the catalog may lack something that the nodes have, and has it recovered: a Redis that was emptied,
/// restored from an older snapshot, or lost its last second doesn't say so.
///
/// What it is compared with: the epoch that this process saw last, and the entries of ``ReconciledNodes``, which tell
/// also a coordinator that was just started.
package final class CatalogWatch: Sendable {
  /// Changes that are made between two looks can hide as many lost ones: so look often.
  private static let interval: Duration = .seconds(1)
  /// While clients wait for what a look finds.
  private static let doubtInterval: Duration = .milliseconds(100)
  /// Between two tries to read nodes that can't be read.
  private static let retryMax: Duration = .seconds(60)
  /// How often the catalog is told that it is whole.
  private static let confirmationInterval: Duration = .seconds(10)
  /// A record can be older than its object's entry in the catalog by so much: a write that waits for nodes, and clocks
  /// that differ.
  private static let margin: Duration = .seconds(600)
  /// Longer than a record waits for its entry in the catalog.
  private static let writeTimeMax: Duration = .seconds(60)

  fileprivate struct State {
    /// Where buckets were when they were last looked at. Each counts its own changes.
    var epochs: [BucketName: CatalogEpoch] = [:]
    /// Buckets that were changed since they were last looked at.
    var changed: Set<BucketName> = []
    var process: String?
    var interruptions = 0
    /// When the catalog was last whole.
    var memory: CatalogMemory?
    /// How often the catalog was found behind what it was, and how many of these losses were made good.
    var losses = 0
    var lossesRepaired = 0
    var isLost: Bool { losses > lossesRepaired }
    /// Since when nobody knows what is not there: at first from the start.
    var doubtedSince: ContinuousClock.Instant? = .now
    /// Nodes that are away and should be read.
    var awaited: Set<NodeID> = []
    var nextTry = ContinuousClock.now
    var pause: Duration = .seconds(1)
    var confirmedAt: ContinuousClock.Instant?
    /// When records were last put into the catalog, or were about to be.
    var replayedAt: ContinuousClock.Instant?
  }

  private let catalog: any CatalogEpochs & ReconciledNodes
  /// How long clients wait for nodes that are away, before they get what the others have.
  private let patience: Duration
  private let logger: Logger
  private let state = Mutex(State())

  package init(catalog: any CatalogEpochs & ReconciledNodes, patience: Duration, logger: Logger) {
    self.catalog = catalog
    self.patience = patience
    self.logger = logger
  }

  /// Why nobody knows what is not there; nil when it is known.
  package var reasonNotReady: String? {
    let interruptions = catalog.interruptions
    let (isDoubted, isLost) = state.withLock {
      ($0.doubtedSince != nil || $0.interruptions != interruptions, $0.isLost)
    }
    guard isDoubted else { return nil }
    return isLost
      ? "The catalog has lost data (Redis was emptied, or came back older than it was) and is being recovered from the "
        + "storage nodes"
      : "The catalog is being compared with the storage nodes, because Redis or this coordinator was started anew"
  }

  /// Whether records of writes that are under way may have been put into the catalog by somebody else than their
  /// writers: all coordinators notice at the same time that there is something to replay.
  package var mayHaveReplayed: Bool {
    state.withLock { $0.replayedAt.map { $0.duration(to: .now) < Self.writeTimeMax } ?? false }
  }

  /// Makes sure that what was not in a bucket of the catalog a moment ago is nowhere.
  ///
  /// - Throws: ``CatalogError/unavailable(_:)`` when that is not known.
  package func verify(_ bucket: BucketName = .default) async throws(CatalogError) {
    if let reason = reasonNotReady { throw .unavailable(reason) }
    _ = try await look(at: bucket)
    if let reason = reasonNotReady { throw .unavailable(reason) }
  }

  /// Has the next look look at a bucket that changes: what is lost of it later is only noticed by what was seen before.
  func note(changeOf bucket: BucketName) {
    guard bucket != .default else { return }
    _ = state.withLock { $0.changed.insert(bucket) }
  }

  /// Looks again and again, until it is cancelled.
  package func run(_ recoverer: some CatalogRecoverer) async {
    while !Task.isCancelled {
      var pause = Self.interval
      do {
        try await look(recoverer)
        if reasonNotReady != nil { pause = Self.doubtInterval }
      } catch {
        // While the catalog is away nothing can be told; `/ready` says that it is.
        let isLost = state.withLock { $0.isLost }
        logger.log(
          level: isLost ? .warning : .debug, "catalog not looked at or recovered", metadata: ["error": "\(error)"])
      }
      try? await Task.sleep(for: pause)
    }
  }

  /// Looks once, and recovers what is lost.
  ///
  /// - Throws: when the catalog is away. A recovery that was begun goes on with the next look.
  package func look(_ recoverer: some CatalogRecoverer) async throws {
    let interruptions = catalog.interruptions
    // Before the catalog is asked: what is read of an emptied registry is no memory.
    let memory = recoverer.remember()
    let epoch = try await look(at: .default)
    for bucket in takeChanged() { _ = try await look(at: bucket) }
    var findings = CatalogFindings(
      epoch: epoch, process: try await catalog.storeProcessIfAllowed(), known: try await catalog.reconciledNodes(),
      memory: memory)
    notice(process: findings.process)
    state.withLock { state in
      findings.losses = state.losses
      findings.isLost = state.isLost
      if state.isLost, let earlier = state.memory { findings.memory = earlier.updated(by: memory) }
    }
    let due = findings.due
    var reconciled = findings.reconciled
    var missing = findings.away
    if !due.isEmpty {
      guard isTimeToRead(due, findings) else { return wait(for: missing.union(due)) }
      state.withLock { $0.replayedAt = .now }
      defer { state.withLock { $0.replayedAt = .now } }
      let unread = try await recoverer.recover(findings.memory, since: findings.since(due, margin: Self.margin))
      reconciled = findings.memory.nodes.map(\.node).filter { !unread.contains($0) }
      missing.formUnion(unread)
      pause(isNeeded: !unread.isEmpty)
    }
    if !due.isEmpty || findings.hasNewNodes || isConfirmationDue {
      try await catalog.setReconciled(reconciled, process: findings.process, epoch: epoch)
      state.withLock { $0.confirmedAt = .now }
    }
    finish(findings, reconciled: Set(reconciled), missing: missing, hasRead: !due.isEmpty, interruptions: interruptions)
  }

  // MARK: What is noticed

  private func takeChanged() -> Set<BucketName> {
    state.withLock { state in
      defer { state.changed = [] }
      return state.changed
    }
  }

  /// Where a bucket is now, compared with where it was before it was asked for: answers may overtake each other.
  private func look(at bucket: BucketName) async throws(CatalogError) -> CatalogEpoch {
    let before = state.withLock { $0.epochs[bucket] }
    let epoch = try await catalog.epoch(of: bucket)
    let isNews = state.withLock { state in
      guard let before, epoch.isBehind(before) else {
        if state.epochs[bucket].map({ $0.id == epoch.id && $0.position < epoch.position }) ?? true {
          state.epochs[bucket] = epoch
        }
        return false
      }
      // Whoever asked at the same time may have noticed.
      guard state.epochs[bucket]?.isBehind(before) == false else { return false }
      // What the others had counted is lost as well, and is not to be noticed once more for each.
      state.epochs = [bucket: epoch]
      state.losses += 1
      state.doubtNow()
      return true
    }
    if isNews { logger.warning("the catalog has lost data: it is recovered from the storage nodes") }
    return epoch
  }

  private func notice(process: String) {
    let isNews = state.withLock { state in
      defer { state.process = process }
      guard let before = state.process, before != process else { return false }
      state.doubtNow()
      return true
    }
    if isNews { logger.notice("the catalog was restarted: it is compared with the storage nodes") }
  }

  // MARK: When to read

  private var isConfirmationDue: Bool {
    state.withLock { $0.confirmedAt.map { $0.duration(to: .now) >= Self.confirmationInterval } ?? true }
  }

  /// Whether to read now: not in each look again what can't be read, and not before all nodes had time to register
  /// with a catalog that knows none of them.
  private func isTimeToRead(_ due: Set<NodeID>, _ findings: CatalogFindings) -> Bool {
    state.withLock { state in
      if !findings.isLost, let doubtedSince = state.doubtedSince, due.contains(where: { findings.known[$0] == nil }),
        doubtedSince.duration(to: .now) < patience / 3
      {
        return false
      }
      return state.nextTry <= .now
    }
  }

  /// Tries again later to read nodes that could not be read: all others are read again with them.
  private func pause(isNeeded: Bool) {
    state.withLock { state in
      guard isNeeded else { return state.pause = .seconds(1) }
      state.nextTry = .now + state.pause
      state.pause = min(state.pause * 2, Self.retryMax)
    }
  }

  // MARK: Ends

  private func wait(for missing: Set<NodeID>) {
    state.withLock { state in
      state.awaited.formUnion(missing)
      state.giveUpDoubts(after: patience)
    }
  }

  private func finish(
    _ findings: CatalogFindings, reconciled: Set<NodeID>, missing: Set<NodeID>, hasRead: Bool, interruptions: Int
  ) {
    let (isRecovered, left) = state.withLock { state in
      state.interruptions = interruptions
      state.lossesRepaired = findings.losses
      state.awaited = state.awaited.union(missing).subtracting(reconciled)
      if state.awaited.isEmpty { state.memory = findings.memory }
      let wasDoubted = state.doubtedSince != nil
      if state.awaited.isEmpty, !findings.memory.nodes.isEmpty {
        state.doubtedSince = nil
      } else {
        state.giveUpDoubts(after: patience)
      }
      return (hasRead && wasDoubted && state.doubtedSince == nil, state.awaited)
    }
    guard isRecovered else { return }
    guard !left.isEmpty else { return logger.notice("the catalog is recovered") }
    logger.error(
      "the catalog is recovered without nodes that are away; it goes on when they are back",
      metadata: ["nodes": "\(left.sorted().map(\.description).joined(separator: ","))"])
  }
}

extension CatalogWatch.State {
  fileprivate mutating func doubtNow() {
    doubtedSince = doubtedSince ?? .now
    nextTry = .now
    pause = .seconds(1)
  }

  /// To wait longer for nodes that are away would take from the clients what there is.
  fileprivate mutating func giveUpDoubts(after patience: Duration) {
    guard let since = doubtedSince, since.duration(to: .now) >= patience else { return }
    doubtedSince = nil
    awaited = []
  }
}
