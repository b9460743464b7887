package import CairnModel

/// What is to be done so that every volume has its replicas on nodes that stay. Pure: a snapshot goes in, work comes out.
package struct RepairPlan: Sendable {
  package struct Settings: Hashable, Sendable {
    /// A node that was silent for a shorter time may just be starting again: its replicas still count (`REPAIR_DELAY`).
    package var repairDelay: Duration
    package var policy: PlacementPolicy
    /// Bytes that each planned copy is taken to need (`VOLUME_SIZE`), so that one plan does not overfill a node. A node
    /// with less room still gets one copy per plan, as most volumes are smaller.
    package var volumeSize: UInt64

    package init(repairDelay: Duration, policy: PlacementPolicy, volumeSize: UInt64) {
      self.repairDelay = repairDelay
      self.policy = policy
      self.volumeSize = volumeSize
    }
  }

  /// How many volumes there are of each kind; each counts once. A replica is live while its node is active or draining,
  /// so a node that is silent counts here at once, before anything is done about it.
  package struct Counts: Hashable, Sendable {
    /// At least as many live replicas as wanted.
    package var healthy = 0
    /// Fewer live replicas than wanted, but more than one.
    package var underReplicated = 0
    /// One live replica, though more are wanted.
    package var atRisk = 0
    /// No live replica: lost, unless one of its nodes comes back.
    package var unavailable = 0

    package init(healthy: Int = 0, underReplicated: Int = 0, atRisk: Int = 0, unavailable: Int = 0) {
      self.healthy = healthy
      self.underReplicated = underReplicated
      self.atRisk = atRisk
      self.unavailable = unavailable
    }
  }

  /// The most urgent first: those of volumes with the fewest live replicas.
  package private(set) var tasks: [RepairTask] = []
  package private(set) var counts = Counts()
  /// The nodes with the room that the tasks leave them: what the next page of the same snapshot is planned with.
  package private(set) var nodes: [NodeStatus]

  private let settings: Settings
  private let ring: HashRing?

  /// - Parameters:
  ///   - volumes: a page of the catalog's volumes.
  ///   - nodes: every node that is known; one that is in a volume's list and not here counts as gone for good.
  package init(
    volumes: [Volume], nodes: [NodeStatus], settings: Settings, using random: inout some RandomNumberGenerator
  ) {
    self.nodes = nodes
    self.settings = settings
    ring = settings.policy == .consistentHash ? HashRing(nodes.map(\.report.node)) : nil
    let places = Dictionary(
      nodes.indices.map { (nodes[$0].report.node, $0) }, uniquingKeysWith: { first, _ in first })
    let found = volumes.map { (volume: $0, replicas: Replicas(of: $0, on: nodes, places, settings.repairDelay)) }
    for (volume, replicas) in found { count(replicas, wanted: wanted(volume)) }
    let urgent = found.filter { !$0.replicas.live.isEmpty }.sorted {
      ($0.replicas.live.count, $0.volume.id) < ($1.replicas.live.count, $1.volume.id)
    }
    for (volume, replicas) in urgent { plan(volume, replicas, places, using: &random) }
  }

  /// More replicas than there are nodes can't be had.
  private func wanted(_ volume: Volume) -> Int { min(volume.replicasWanted, max(nodes.count, 1)) }

  private mutating func count(_ replicas: Replicas, wanted: Int) {
    switch replicas.live.count {
    case 0: counts.unavailable += 1
    case wanted...: counts.healthy += 1
    case 1: counts.atRisk += 1
    default: counts.underReplicated += 1
    }
  }

  private mutating func plan(
    _ volume: Volume, _ replicas: Replicas, _ places: [NodeID: Int], using random: inout some RandomNumberGenerator
  ) {
    let kept = replicas.active + replicas.awaited
    let wanted = wanted(volume)
    let missing = wanted - kept.count
    guard missing > 0 else {
      // Awaited nodes may never come back: only replicas that live allow to delete one.
      guard replicas.active.count >= wanted else { return }
      tasks += replicas.draining.map { .retire(volume.id, from: $0) }
      return
    }
    let holders = Set(volume.nodes)
    let candidates = nodes.filter { $0.state == .active && !holders.contains($0.report.node) }.map(\.report)
    let keeping = kept.compactMap { places[$0] }.map { nodes[$0].report }
    let chosen = Placement.choose(
      missing, from: candidates, keeping: keeping, for: volume.id, policy: settings.policy, ring: ring, using: &random)
    // Copies that make the volume safer come before those that only empty a draining node. Nothing is read from one after
    // it has left the list.
    let growth = max(0, missing - replicas.gone.count - replicas.draining.count)
    let leaving: [NodeID?] = replicas.gone + Array(repeating: nil, count: growth) + replicas.draining
    var sources = replicas.live
    for (target, replaced) in zip(chosen, leaving) {
      tasks.append(.replicate(volume.id, from: sources, to: target.node, replacing: replaced))
      book(on: target.node, copyOf: sources.first, places)
      sources.removeAll { $0 == replaced }
    }
  }

  /// Takes the room of a planned copy off its target; without that, the emptiest node of the snapshot would get them all.
  private mutating func book(on target: NodeID, copyOf source: NodeID?, _ places: [NodeID: Int]) {
    guard let place = places[target] else { return }
    nodes[place].report.available -= min(settings.volumeSize, nodes[place].report.available)
    nodes[place].report.volumeCount += 1
    guard let source = source.flatMap({ places[$0] }).map({ nodes[$0].report }) else { return }
    // How many blobs the volume has is not known here: as many as its node has in a volume on average.
    nodes[place].report.blobCount += source.blobCount / UInt64(max(1, source.volumeCount))
  }
}

/// The replicas of one volume, by what can be expected of their nodes. Each list is in the order of the volume's.
private struct Replicas {
  var active: [NodeID] = []
  var draining: [NodeID] = []
  /// Silent, but not for long.
  var awaited: [NodeID] = []
  /// Unknown, or silent for too long.
  var gone: [NodeID] = []

  /// Those that can be read now, the ones that stay first.
  var live: [NodeID] { active + draining }

  init(of volume: Volume, on nodes: [NodeStatus], _ places: [NodeID: Int], _ repairDelay: Duration) {
    var seen: Set<NodeID> = []
    for node in volume.nodes where seen.insert(node).inserted {
      switch places[node].map({ nodes[$0].state }) {
      case .active: active.append(node)
      case .draining: draining.append(node)
      case .silent(let time) where time < repairDelay: awaited.append(node)
      case .silent, nil: gone.append(node)
      }
    }
  }
}
