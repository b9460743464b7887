package import CairnCatalog
package import CairnModel
internal import Synchronization

/// Puts the mending of damaged replicas into the queue, as reads find them.
package final class DamageReports: Sendable {
  /// A volume that was reported is not reported again so soon: every read of a damaged record finds it.
  private static let pause: Duration = .seconds(5)

  private let queue: any RepairQueue
  private let reported = Mutex<[VolumeID: ContinuousClock.Instant]>([:])

  package init(queue: any RepairQueue) {
    self.queue = queue
  }

  /// Returns at once. What can't be put into the queue now is found again by another read, or by the scrubber.
  package func add(_ volume: VolumeID) {
    let now = ContinuousClock.now
    let isNew = reported.withLock { reported in
      reported = reported.filter { now - $0.value < Self.pause }
      return reported.updateValue(now, forKey: volume) == nil
    }
    guard isNew else { return }
    Task { try? await queue.enqueue(VolumeWork.mend(volume).queued) }
  }
}
