package import CairnCatalog
package import CairnModel
package import Logging
internal import Synchronization

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
  /// How often the lists of all volumes are read: while nodes are missing, and to be remembered when all is well.
  private static let listInterval: Duration = .seconds(10)
  private static let settleInterval: Duration = .seconds(60)
  /// A record can be older than its object's entry in the catalog by so much: a write that waits for nodes, and clocks
  /// that differ.
  private static let margin: Duration = .seconds(600)

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
    /// Nobody knows what is not there: at first, as what happened before the start is not known.
    var doubt: CatalogDoubt? = CatalogDoubt()
    /// The volumes as the catalog listed them last, and when.
    var listed: (volumes: [Volume], at: ContinuousClock.Instant)?
    var settledAt: ContinuousClock.Instant?
    var nextTry = ContinuousClock.now
    var pause: Duration = .seconds(1)
    var confirmedAt: ContinuousClock.Instant?
    var isReplaying = false
    /// When the last replay ended.
    var replayedAt: ContinuousClock.Instant?
  }

  private let catalog: any CatalogEpochs & ReconciledNodes
  /// In a third of this, all nodes that live register with a catalog that was emptied.
  private let patience: Duration
  /// Copies that a write needs.
  private let copies: Int
  /// Longer than a record waits for its entry in the catalog.
  private let writeTimeMax: Duration
  private let logger: Logger
  private let state = Mutex(State())

  /// - Parameters:
  ///   - patience: the age at which a heartbeat is too old (`NODE_TIMEOUT`).
  ///   - copies: that acknowledged data has at least, by the operator's policy.
  ///   - writeTimeMax: longer than a record waits for its entry in the catalog.
  package init(
    catalog: any CatalogEpochs & ReconciledNodes, patience: Duration, copies: Int,
    writeTimeMax: Duration = .seconds(60), logger: Logger
  ) {
    self.catalog = catalog
    self.patience = patience
    self.copies = copies
    self.writeTimeMax = writeTimeMax
    self.logger = logger
  }

  /// Why nobody knows what is not there; nil when it is known.
  package var reasonNotReady: String? {
    if let risk = catalog.evictionRisk { return risk }
    let interruptions = catalog.interruptions
    return state.withLock { $0.doubt(after: interruptions)?.reason(isLost: $0.isLost) }
  }

  /// Why what is found may be older than what was stored, although storage nodes that know better can be read; nil when
  /// it is as new as anybody knows.
  var reasonNotCurrent: String? {
    let interruptions = catalog.interruptions
    return state.withLock { state in
      guard let doubt = state.doubt(after: interruptions), !doubt.isRead else { return nil }
      return doubt.reason(isLost: state.isLost)
    }
  }

  /// Whether records of writes that are under way may have been put into the catalog by somebody else than their
  /// writers: all coordinators notice at the same time that there is something to replay.
  package var mayHaveReplayed: Bool {
    state.withLock { state in
      state.isReplaying || state.replayedAt.map { $0.duration(to: .now) < writeTimeMax } ?? false
    }
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
        // What can't be read now is waited for with less hurry.
        if reasonNotCurrent != nil { pause = Self.doubtInterval }
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
    // What would be put back would be thrown away again.
    guard catalog.evictionRisk == nil else { return }
    state.withLock { state in
      state.interruptions = interruptions
      state.doubt?.noteAnswer()
      findings.losses = state.losses
      findings.isLost = state.isLost
      if state.isLost, let earlier = state.memory { findings.memory = earlier.updated(by: memory) }
    }
    let due = findings.due
    var reconciled = Set(findings.reconciled)
    if !due.isEmpty {
      // Before it takes its time to read them: they may be too many for the catalog to be whole.
      try await judge(findings, read: reconciled, unread: due, recoverer)
      guard isTimeToRead(due, findings) else { return }
      state.withLock { $0.isReplaying = true }
      defer {
        state.withLock { state in
          state.isReplaying = false
          state.replayedAt = .now
        }
      }
      let unread = try await recoverer.recover(findings.memory, since: findings.since(due, margin: Self.margin))
      reconciled = Set(findings.memory.nodes.map(\.node)).subtracting(unread)
      pause(isNeeded: !unread.isEmpty)
    }
    if !due.isEmpty || findings.hasNewNodes || isConfirmationDue {
      try await catalog.setReconciled(reconciled.sorted(), process: findings.process, epoch: epoch)
      state.withLock { $0.confirmedAt = .now }
    }
    finishReading(findings, reconciled, hasRecovered: !due.isEmpty)
    try await judge(findings, read: reconciled, unread: due.subtracting(reconciled), recoverer)
    try await settle(recoverer)
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
      if let before, epoch.isBehind(before) {
        // Whoever asked at the same time may have noticed.
        guard state.epochs[bucket]?.isBehind(before) == false else { return false }
      } else if epoch.isIntact || state.isLost {
        if state.epochs[bucket].map({ $0.id == epoch.id && $0.position < epoch.position }) ?? true {
          state.epochs[bucket] = epoch
        }
        return false
      }
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
    let (isNews, hasEvicted) = state.withLock { state in
      defer { state.process = process }
      guard let before = state.process, before != process else { return (false, false) }
      let hasEvicted = StoreLife(process).hasEvicted(since: StoreLife(before))
      if hasEvicted { state.losses += 1 }
      state.doubtNow()
      return (true, hasEvicted)
    }
    guard isNews else { return }
    guard !hasEvicted else {
      return logger.error(
        "the catalog's store has thrown entries away (evicted_keys): it is recovered from the storage nodes")
    }
    logger.notice("the catalog was restarted: it is compared with the storage nodes")
  }

  // MARK: When to read

  private var isConfirmationDue: Bool {
    state.withLock { $0.confirmedAt.map { $0.duration(to: .now) >= Self.confirmationInterval } ?? true }
  }

  /// Whether to read now: not in each look again what can't be read, and not before all nodes had time to register
  /// with a catalog that knows none of them.
  private func isTimeToRead(_ due: Set<NodeID>, _ findings: CatalogFindings) -> Bool {
    state.withLock { state in
      if !findings.isLost, let doubt = state.doubt, due.contains(where: { findings.known[$0] == nil }),
        !doubt.isOlder(than: patience / 3)
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

  private func finishReading(_ findings: CatalogFindings, _ reconciled: Set<NodeID>, hasRecovered: Bool) {
    state.withLock { state in
      state.lossesRepaired = findings.losses
      // The lists have changed.
      if hasRecovered { state.listed = nil }
      guard state.losses == findings.losses, !reconciled.isEmpty else { return }
      state.doubt?.isRead = true
      if hasRecovered { state.doubt?.hasRecovered = true }
    }
  }

  /// Ends the doubt, or begins one.
  ///
  /// - Parameters:
  ///   - read: nodes that were just read, or need not be.
  ///   - unread: nodes that are there, or were, and could not be read yet.
  private func judge(
    _ findings: CatalogFindings, read: Set<NodeID>, unread: Set<NodeID>, _ recoverer: some CatalogRecoverer
  ) async throws {
    if state.withLock({ $0.doubt == nil }) {
      let isWhole = try await isWhole(despite: findings.withRecords(unread), recoverer)
      return state.withLock { state in
        // Whoever asked meanwhile may have noticed a loss.
        guard state.losses == findings.losses else { return }
        if isWhole { state.memory = findings.memory } else { state.doubtNow() }
      }
    }
    var found = CatalogCompleteness(
      volumes: findings.memory.volumes(updatedBy: try await listVolumes(recoverer)),
      read: read.union(findings.current), unread: findings.withRecords(unread), copies: copies)
    if found.isComplete {
      // By lists that may be of before another coordinator, which knew more nodes, put volumes into the catalog.
      state.withLock { $0.listed = nil }
      found.volumes = findings.memory.volumes(updatedBy: try await listVolumes(recoverer))
    }
    let missing = found.missing
    let (before, after) = state.withLock { state in
      let before = state.doubt
      guard state.losses == findings.losses else { return (before, before) }
      if found.isComplete {
        state.doubt = nil
        state.memory = findings.memory
      } else {
        state.doubt?.missing = missing
      }
      return (before, state.doubt)
    }
    log(missing, before, after)
  }

  /// Whether a catalog that seemed whole may be so although there are unread nodes: those of its volumes were written to
  /// since, but when nothing lists them, the catalog was emptied before anybody looked.
  private func isWhole(despite unread: Set<NodeID>, _ recoverer: some CatalogRecoverer) async throws -> Bool {
    guard unread.count >= copies else { return true }
    let listed = try await recoverer.listVolumes().reduce(into: Set()) { $0.formUnion($1.nodes) }
    return unread.subtracting(listed).count < copies
  }

  private func log(_ missing: Set<NodeID>, _ before: CatalogDoubt?, _ after: CatalogDoubt?) {
    let nodes: Logger.Metadata = ["nodes": "\(missing.sorted().map(\.description).joined(separator: ","))"]
    switch (before, after) {
    case (let before?, nil) where before.hasRecovered && missing.isEmpty:
      logger.notice("the catalog is recovered")
    case (let before?, nil) where before.hasRecovered:
      logger.warning("the catalog is recovered without nodes that are away, whose records have copies", metadata: nodes)
    case (_, let after?) where after.isRead && before?.missing != missing && !missing.isEmpty:
      logger.warning(
        "too many nodes are away: the catalog may lack files, and what is not found is not told to be missing",
        metadata: nodes)
    default: break
    }
  }

  private func listVolumes(_ recoverer: some CatalogRecoverer) async throws -> [Volume] {
    let known = state.withLock { state in
      state.listed.flatMap { $0.at.duration(to: .now) < Self.listInterval ? $0.volumes : nil }
    }
    if let known { return known }
    let start = ContinuousClock.now
    let volumes = try await recoverer.listVolumes()
    state.withLock { $0.listed = (volumes, start) }
    return volumes
  }

  /// Has the lists of a whole catalog remembered: what is known of its volumes when it is lost.
  private func settle(_ recoverer: some CatalogRecoverer) async throws {
    let isDue = state.withLock { state in
      state.doubt == nil
        && (!recoverer.isSettled || state.settledAt.map { $0.duration(to: .now) >= Self.settleInterval } ?? true)
    }
    guard isDue else { return }
    let start = ContinuousClock.now
    let volumes = try await recoverer.listVolumes()
    // It was whole while it was read only if it still is.
    _ = try await look(at: .default)
    guard reasonNotReady == nil else { return }
    state.withLock { $0.settledAt = .now }
    recoverer.settle(volumes, listedSince: start)
  }
}

extension CatalogWatch.State {
  mutating func doubtNow() {
    doubt = CatalogDoubt()
    listed = nil
    nextTry = .now
    pause = .seconds(1)
  }

  /// The doubt, where there is one; also when the catalog was away since the last look.
  func doubt(after interruptions: Int) -> CatalogDoubt? {
    self.interruptions == interruptions ? doubt : CatalogDoubt()
  }
}
