package import CairnCatalog
package import CairnModel
package import Logging
internal import Synchronization

/// Who is alive, as this coordinator knows it: what the registry said last, and what its own requests met since.
package final class ClusterView: Sendable {
  /// How often the registry is read, at least.
  private static let refreshIntervalMax: Duration = .seconds(2)

  struct Entry {
    var node: RegisteredNode
    /// When its last heartbeat was, as far as this process can tell. The clock of the registry may jump, so it is asked
    /// only for the age of a heartbeat that was never seen before.
    var heardAt: ContinuousClock.Instant
    /// Until then its last heartbeat is young enough.
    var activeUntil: ContinuousClock.Instant
    /// What requests have met; it stays when it is cleared, to know a relapse.
    var suspicion: Suspicion?

    var isSuspected: Bool { suspicion?.isRaised ?? false }

    /// When it is or was the last time that requests were sent to it.
    var lostAt: ContinuousClock.Instant {
      guard let suspicion, suspicion.isRaised else { return activeUntil }
      return min(suspicion.raisedAt, activeUntil)
    }
  }

  struct State {
    private(set) var entries: [NodeID: Entry] = [:]
    /// Nodes that the registry doesn't name any more, and since when it doesn't: an operator has forgotten them, or it
    /// was emptied.
    private(set) var vanished: [NodeID: ContinuousClock.Instant] = [:]
    /// Of those, the ones that hold replicas: they will register again.
    private(set) var awaited: Set<NodeID> = []
    /// Until when some node is active, and the only node there is, where it takes data: every write asks for them.
    private(set) var someActiveUntil: ContinuousClock.Instant?
    private(set) var soleWritable: NodeID?
    /// When the registry was read last, and why it could not be read since.
    var readAt: ContinuousClock.Instant?
    var registryFailure: String?

    mutating func set(_ entries: [NodeID: Entry]) {
      self.entries = entries
      someActiveUntil = entries.values.lazy.filter { !$0.isSuspected }.map(\.activeUntil).max()
      soleWritable = nil
      if knownCount == 1, let node = entries.values.first?.node, !node.report.readOnly, !node.isDraining {
        soleWritable = node.report.node
      }
    }

    /// - Returns: whether nothing was suspected of the node before.
    mutating func suspect(_ node: NodeID, because reason: String, at now: ContinuousClock.Instant) -> Bool {
      guard var entry = entries[node], !entry.isSuspected else { return false }
      if entry.suspicion == nil {
        entry.suspicion = Suspicion(because: reason, at: now)
      } else {
        entry.suspicion?.raise(because: reason, at: now)
      }
      entries[node] = entry
      set(entries)
      return true
    }

    /// Notes which nodes an earlier reading named and this one doesn't.
    mutating func compare(with newer: [NodeID: Entry], _ now: ContinuousClock.Instant) {
      for node in entries.keys where newer[node] == nil { vanished[node] = now }
      vanished = vanished.filter { newer[$0.key] == nil }
      awaited = awaited.filter { newer[$0] == nil }
    }

    mutating func settle(_ members: Set<NodeID>, asOf time: ContinuousClock.Instant) {
      vanished = vanished.filter { $0.value >= time }
      awaited = members.filter { entries[$0] == nil }
      set(entries)
    }

    var knownCount: Int { entries.count + awaited.union(vanished.keys).count }

    /// - Returns: whether something was suspected of the node before.
    mutating func clear(_ node: NodeID, at now: ContinuousClock.Instant) -> Bool {
      guard let entry = entries[node], entry.isSuspected else { return false }
      entries[node]?.suspicion?.clear(at: now)
      set(entries)
      return true
    }

    mutating func takeProbes(at now: ContinuousClock.Instant) -> [NodeID] {
      // One whose heartbeats are missing as well is dead: it is probed when they come again.
      var due: [NodeID] = []
      for (node, entry) in entries where entry.isSuspected && now < entry.activeUntil {
        if entries[node]?.suspicion?.takeProbe(at: now) ?? false { due.append(node) }
      }
      return due
    }

    mutating func probeFailed(_ node: NodeID, because reason: String, at now: ContinuousClock.Instant) {
      entries[node]?.suspicion?.probeFailed(because: reason, at: now)
    }

    var suspectCount: Int { entries.values.count { $0.isSuspected } }

    func isAnyActive(_ now: ContinuousClock.Instant) -> Bool { someActiveUntil.map { now < $0 } ?? false }
  }

  private let registry: any NodeRegistry
  private let timeout: Duration
  let clock: Clock
  let logger: Logger
  let state = Mutex(State())
  /// Of ``State/suspectCount``; may lag behind it.
  let suspectCount = Atomic(0)

  struct Clock: Sendable {
    let read: @Sendable () -> ContinuousClock.Instant

    var now: ContinuousClock.Instant { read() }
  }

  /// - Parameters:
  ///   - timeout: a node is active while its last heartbeat is younger (`NODE_TIMEOUT`).
  ///   - now: a clock that never jumps.
  package init(
    registry: any NodeRegistry, timeout: Duration, logger: Logger,
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    clock = Clock(read: now)
    self.registry = registry
    self.timeout = timeout
    self.logger = logger
  }

  /// Nodes grow older between two readings: a small part of the time-out, or those that live would seem dead.
  private var refreshInterval: Duration { min(Self.refreshIntervalMax, timeout / 8) }

  /// Reads the registry and probes suspected nodes, again and again, until it is cancelled.
  package func run(probing directory: any NodeDirectory) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { await self.probeSuspects(in: directory) }
      while !Task.isCancelled {
        try? await refresh()
        try? await Task.sleep(for: refreshInterval)
      }
    }
  }

  /// Reads the registry now.
  package func refresh() async throws(CatalogError) {
    let nodes: [RegisteredNode]
    do throws(CatalogError) { nodes = try await registry.nodes() } catch {
      state.withLock { $0.registryFailure = "\(error)" }
      throw error
    }
    let now = clock.now
    // What the registry's clock says now, as far as the youngest heartbeat tells: nodes that left in order have no age.
    let registryNow =
      nodes.lazy.filter { !$0.hasDeparted }.map {
        $0.lastHeartbeat.millisecondsSinceEpoch + $0.ageMilliseconds
      }.max() ?? 0
    state.withLock { state in
      var entries: [NodeID: Entry] = [:]
      for node in nodes {
        let known = state.entries[node.report.node]
        var suspicion = known?.suspicion
        if known?.node.report.incarnation != node.report.incarnation { suspicion?.restarted(at: now) }
        let heardAt = Self.heardAt(node, known, now, lastRead: state.readAt, registryNow: registryNow)
        entries[node.report.node] = Entry(
          node: node, heardAt: heardAt, activeUntil: node.hasDeparted ? heardAt : heardAt + timeout,
          suspicion: suspicion)
      }
      state.compare(with: entries, now)
      state.set(entries)
      state.readAt = now
      state.registryFailure = nil
    }
    noteSuspects()
  }

  /// When the last heartbeat of a node was, by the clock of this process.
  private static func heardAt(
    _ node: RegisteredNode, _ known: Entry?, _ now: ContinuousClock.Instant, lastRead: ContinuousClock.Instant?,
    registryNow: UInt64
  ) -> ContinuousClock.Instant {
    if let known, node.hasDeparted || known.node.lastHeartbeat == node.lastHeartbeat && !known.node.hasDeparted {
      return known.heardAt
    }
    let last = node.lastHeartbeat.millisecondsSinceEpoch
    let age = node.hasDeparted ? (registryNow > last ? registryNow - last : 0) : node.ageMilliseconds
    let told = now - .milliseconds(Int64(clamping: age))
    // A heartbeat that was not there at the last reading is not older than that, whatever the registry's clock says.
    guard known != nil, let lastRead else { return told }
    return max(told, lastRead)
  }

  /// Why the registry can't be read; nil when it was read the last time.
  package var registryFailure: String? { state.withLock { $0.registryFailure } }

  /// The nodes to which requests are sent: heard of lately, and not found unreachable since.
  package var activeNodes: [RegisteredNode] {
    let now = clock.now
    return state.withLock { state in
      state.entries.values.filter { isActive($0, now) }.map(\.node).sorted { $0.report.node < $1.report.node }
    }
  }

  /// Whether `node` is the only one there is, and takes data: then there is nothing to choose.
  func isSoleNode(_ node: NodeID) -> Bool {
    let now = clock.now
    return state.withLock { $0.soleWritable == node && $0.isAnyActive(now) }
  }

  /// Nodes that the registry names, alive or not.
  package var nodeCount: Int { state.withLock { $0.entries.count } }

  /// Nodes that the cluster has, alive or not, although the registry may have been emptied: it takes a while until all
  /// have registered again.
  package var knownNodeCount: Int {
    state.withLock { $0.knownCount }
  }

  /// Whether nodes are missing from the registry for a reason that is not known yet.
  package var hasVanishedNodes: Bool { state.withLock { !$0.vanished.isEmpty } }

  /// Forgets the nodes that the registry doesn't name any more, but for those that hold replicas.
  ///
  /// - Parameters:
  ///   - members: the nodes that hold replicas, by a catalog that has lost nothing.
  ///   - time: when that was asked for. What vanished later is not judged.
  package func settle(members: Set<NodeID>, asOf time: ContinuousClock.Instant) {
    state.withLock { $0.settle(members, asOf: time) }
  }

  /// Whether there is any node to send a request to.
  package var hasActiveNode: Bool {
    let now = clock.now
    return state.withLock { $0.isAnyActive(now) }
  }

  /// Waits for a node to send requests to, as long as there is hope: a node that was found unreachable, but whose last
  /// heartbeat is not too old, may have been restarted, or have been slow.
  ///
  /// - Returns: false when there is none, or none came back in `time`.
  package func waitForActiveNode(atMost time: Duration) async -> Bool {
    if hasActiveNode { return true }
    let end = clock.now + time
    // If the registry was slow, its last answer may be older than a node's time-out.
    try? await refresh()
    while !hasActiveNode {
      let now = clock.now
      let isHopeful = state.withLock { state in state.entries.values.contains { now < $0.activeUntil } }
      guard isHopeful, now < end, !Task.isCancelled else { return false }
      try? await Task.sleep(for: .milliseconds(100))
      try? await refresh()
    }
    return true
  }

  /// Whether a node was lost so lately that it may be back soon: restarted, or slow for a moment.
  package func hasLostNode(within time: Duration) -> Bool {
    let now = clock.now
    return state.withLock { state in
      state.entries.values.contains { !isActive($0, now) && now - $0.lostAt < time }
    }
  }

  /// The other nodes that were ever seen.
  package var inactiveNodes: [RegisteredNode] {
    let now = clock.now
    return state.withLock { state in
      state.entries.values.filter { !isActive($0, now) }.map(\.node).sorted { $0.report.node < $1.report.node }
    }
  }

  /// What the registry said last of the node; nil for one that was never seen.
  package func registered(_ node: NodeID) -> RegisteredNode? {
    state.withLock { $0.entries[node]?.node }
  }

  package func isActive(_ node: NodeID) -> Bool {
    let now = clock.now
    return state.withLock { state in state.entries[node].map { isActive($0, now) } ?? false }
  }

  /// Every node that was ever seen, as plans for repairs see it.
  package var nodeStatuses: [NodeStatus] {
    let now = clock.now
    return state.withLock { state in
      state.entries.values.map { entry in
        let status: NodeStatus.State =
          if !isActive(entry, now) {
            .silent(for: max(now - entry.heardAt, .zero))
          } else if entry.node.isDraining {
            .draining
          } else {
            .active
          }
        return NodeStatus(report: entry.node.report, state: status)
      }.sorted { $0.report.node < $1.report.node }
    }
  }

  /// The process that the node is now, as far as is known; nil for one that was never seen.
  package func incarnation(of node: NodeID) -> UInt64? {
    state.withLock { $0.entries[node]?.node.report.incarnation }
  }

  /// What the node said of itself last; nil for one that was never seen.
  package func report(of node: NodeID) -> NodeReport? {
    state.withLock { $0.entries[node]?.node.report }
  }

  private func isActive(_ entry: Entry, _ now: ContinuousClock.Instant) -> Bool {
    !entry.isSuspected && now < entry.activeUntil
  }
}

extension RegisteredNode {
  /// It took its leave.
  fileprivate var hasDeparted: Bool { ageMilliseconds >= CatalogLimits.departedAgeMilliseconds }
}
