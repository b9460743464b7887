package import CairnCluster

/// How a replicator works.
package struct RepairSettings: Hashable, Sendable {
  /// How long a node may be silent before its replicas are made anew elsewhere (`REPAIR_DELAY`).
  package var delay: Duration
  /// Bytes a second that all copies of this worker together may take (`REPAIR_BANDWIDTH`); 0 for no limit.
  package var bandwidth: UInt64
  /// Where new replicas go (`PLACEMENT_POLICY`).
  package var policy: PlacementPolicy
  /// Bytes that a copy is taken to need on its target (`VOLUME_SIZE`).
  package var volumeSize: UInt64 = 1 << 30
  /// Between two looks at the whole cluster.
  package var planInterval: Duration
  /// How long a worker may be silent before another one takes its work.
  package var lease: Duration = .seconds(15)

  package init(delay: Duration, bandwidth: UInt64, policy: PlacementPolicy) {
    self.delay = delay
    self.bandwidth = bandwidth
    self.policy = policy
    // What is found late is healed late, but a look costs a page of the catalog for every thousand volumes.
    planInterval = min(max(delay / 10, .milliseconds(500)), .seconds(10))
  }
}
