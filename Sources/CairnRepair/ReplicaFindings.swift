internal import CairnModel

/// What looks at the replicas have found so far, so that what can't be mended isn't tried at every look.
struct ReplicaFindings {
  /// Of each node that answered.
  typealias Replicas = [NodeID: [VolumeID: ReplicaSummary]]

  /// After so long the same finding is acted on again: what no look sees may have changed.
  private static let repeatAfter: Duration = .seconds(3600)

  private struct Finding {
    var condition: Condition
    var mendedAt: ContinuousClock.Instant?
    /// The volume was sealed, or one of its nodes came back, since its replicas were compared; or nobody appends to it,
    /// and they differ in size.
    var needsComparison = false
    /// It was looked at more than once, and nothing had changed.
    var isStill = false
  }

  private var findings: [VolumeID: Finding] = [:]

  /// Takes in a look at all replicas.
  ///
  /// - Returns: the volumes that are to be mended now.
  mutating func take(_ volumes: [VolumeID: Volume], _ replicas: Replicas) -> [VolumeID] {
    var taken: [VolumeID: Finding] = [:]
    taken.reserveCapacity(volumes.count)
    var due: [VolumeID] = []
    for (id, volume) in volumes {
      let condition = Condition(volume, replicas)
      var finding = findings[id] ?? Finding(condition: condition)
      let isNew = findings[id]?.condition != condition
      if isNew {
        finding.needsComparison = finding.needsComparison || condition.isWorthComparing(after: finding.condition)
        finding.condition = condition
        finding.mendedAt = nil
        finding.isStill = false
      } else if !finding.isStill {
        // A crash stopped a record on its way, and whoever appended to the volume is gone.
        finding.isStill = true
        if condition.isAbandoned { finding.needsComparison = true }
      }
      taken[id] = finding
      let isRepeated = finding.mendedAt.map { $0.duration(to: .now) < Self.repeatAfter } ?? false
      // A difference may pass, as nodes are asked one after the other while clients write and delete.
      if !isRepeated, condition.isDamaged || condition.isUneven && !isNew { due.append(id) }
    }
    findings = taken
    return due.sorted()
  }

  /// Mending the volume is in the queue.
  mutating func noteMend(of volume: VolumeID) {
    findings[volume]?.mendedAt = .now
  }

  /// Up to `limit` volumes that look the same on all nodes, and may differ in what they hold.
  mutating func takeComparisons(limit: Int) -> [VolumeID] {
    let volumes = findings.filter { $0.value.needsComparison && !$0.value.condition.isUneven }.keys.sorted().prefix(
      limit)
    for volume in volumes { findings[volume]?.needsComparison = false }
    return Array(volumes)
  }
}

/// What matters for repair about the replicas of a volume; changes seldom while all is well.
private struct Condition: Hashable {
  struct Replica: Hashable {
    var isOpen: Bool
    var isFailed: Bool
    var damagedCount: UInt64
    /// Than the replica with the most.
    var recordsFewer: UInt64
    /// Of the log, while the volume is open.
    var openBytes: UInt64
  }

  let isSealed: Bool
  /// On the nodes of the volume's list that answer; nil where the node has none.
  let replicas: [NodeID: Replica?]

  init(_ volume: Volume, _ nodes: ReplicaFindings.Replicas) {
    isSealed = volume.state == .sealed
    let most = volume.nodes.compactMap { nodes[$0]?[volume.id]?.blobCount }.max() ?? 0
    var replicas: [NodeID: Replica?] = [:]
    for node in volume.nodes {
      guard let held = nodes[node] else { continue }
      replicas[node] = .some(
        held[volume.id].map { replica in
          Replica(
            isOpen: replica.state == .open, isFailed: replica.isFailed, damagedCount: replica.damagedCount,
            recordsFewer: volume.state == .sealed ? most - replica.blobCount : 0,
            openBytes: volume.state == .open ? replica.logBytes : 0)
        })
    }
    self.replicas = replicas
  }

  var isDamaged: Bool { replicas.values.contains { ($0?.damagedCount ?? 0) > 0 } }

  /// A replica of a sealed volume is missing, was not sealed, or has fewer records than another one.
  var isUneven: Bool {
    isSealed && replicas.count > 1
      && replicas.values.contains { replica in replica.map { $0.isOpen || $0.recordsFewer > 0 } ?? true }
  }

  /// The replicas of an open volume differ in size. While somebody appends to it, they do at times.
  var isAbandoned: Bool {
    !isSealed && replicas.count > 1 && Set(replicas.values.map { $0?.openBytes }).count > 1
  }

  func isWorthComparing(after before: Condition) -> Bool {
    isSealed && replicas.count > 1
      && (!before.isSealed || replicas.keys.contains { before.replicas.index(forKey: $0) == nil })
  }
}
