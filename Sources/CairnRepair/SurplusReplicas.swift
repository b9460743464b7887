internal import CairnModel

/// Replicas that no volume's list names, and since when each look has seen them: a node that comes back may still be
/// needed.
struct SurplusReplicas {
  struct Replica: Hashable {
    var volume: VolumeID
    var node: NodeID
  }

  let grace: Duration
  private var seen: [Replica: ContinuousClock.Instant] = [:]

  init(grace: Duration) {
    self.grace = grace
  }

  /// Takes in a look at all replicas. One that is listed again, or not there any more, begins anew when it is surplus
  /// later.
  ///
  /// - Returns: the replicas that have been surplus for long enough.
  mutating func take(
    _ volumes: [VolumeID: Volume], _ replicas: ReplicaFindings.Replicas, at now: ContinuousClock.Instant
  ) -> [Replica] {
    var taken: [Replica: ContinuousClock.Instant] = [:]
    var due: [Replica] = []
    for (node, held) in replicas {
      for id in held.keys where volumes[id].map({ !$0.nodes.contains(node) }) ?? false {
        let replica = Replica(volume: id, node: node)
        let since = seen[replica] ?? now
        if now - since >= grace, seen[replica] != nil { due.append(replica) } else { taken[replica] = since }
      }
    }
    seen = taken
    return due
  }
}
