package import CairnCatalog
package import CairnModel
internal import Synchronization

/// How far a recovery is.
package struct RecoveryProgress: Hashable, Sendable {
  package enum Phase: String, Sendable {
    /// The first pass over all records.
    case tombstones
    /// The second one.
    case objects
  }

  package var phase = Phase.tombstones
  package var volumesDone = 0
  package var volumeCount = 0
  /// Heads and tombstones that were read in this pass.
  package var records = 0
  /// Objects that the catalog did not know.
  package var restored = 0
}

/// What a recovery found and did.
package struct RecoveryOutcome: Sendable {
  /// Volumes of which there is a replica.
  package var volumes = 0
  package var volumesAdded = 0
  /// Heads and tombstones.
  package var records = 0
  /// Objects that the catalog did not know, or knew an older version of.
  package var restored = 0
  /// Objects that the catalog had, and that were deleted.
  package var removed = 0
  /// Records that were copied to replicas that lacked them, before the catalog took them.
  package var copied = 0
  /// Head records that some replicas lacked, and that a deletion had overtaken: they never count.
  package var refused = 0
  /// Volumes that could not be read to their ends, or whose replicas could not be made equal, and why.
  package var unreadable: [VolumeID: String] = [:]
  /// The nodes that failed there.
  package var failedNodes: Set<NodeID> = []
  /// Nodes that did not answer, and why.
  package var unreachable: [NodeID: String] = [:]
  /// Indices of the catalog that did not agree with what they are made from, and do now.
  package var repaired: [IndexDifference] = []
  /// What was left as it was: whether a replica is to be made or dropped is not for a recovery to decide.
  package var differences: [ReplicaDifference] = []
}

/// Counts for several tasks, and tells somebody.
final class RecoveryMeter: Sendable {
  private let state: Mutex<RecoveryProgress>
  private let report: @Sendable (RecoveryProgress) -> Void

  init(volumeCount: Int, report: @escaping @Sendable (RecoveryProgress) -> Void) {
    state = Mutex(RecoveryProgress(volumeCount: volumeCount))
    self.report = report
  }

  var current: RecoveryProgress { state.withLock { $0 } }

  func begin(_ phase: RecoveryProgress.Phase) {
    change { $0 = RecoveryProgress(phase: phase, volumeCount: $0.volumeCount) }
  }

  func add(records: Int, restored: Int = 0) {
    change {
      $0.records += records
      $0.restored += restored
    }
  }

  func finishVolume() {
    change { $0.volumesDone += 1 }
  }

  private func change(_ body: (inout RecoveryProgress) -> Void) {
    report(
      state.withLock { state in
        body(&state)
        return state
      })
  }
}
