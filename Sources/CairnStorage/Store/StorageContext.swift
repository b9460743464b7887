internal import CairnModel
internal import Logging
internal import Synchronization

/// What the volumes of one store share.
struct StorageContext: Sendable {
  let configuration: StorageConfiguration
  let operations: FileOperations
  let logger: Logger
  let now: @Sendable () -> Timestamp
  let space: DiskSpace
  let counters = StorageCounters()
  /// Raised when the store closes.
  let closing = Flag()
  let descriptors: DescriptorBudget
}

/// Something that happens once, seen by all threads.
final class Flag: Sendable {
  private let state = Atomic(false)

  var isRaised: Bool { state.load(ordering: .relaxed) }

  /// - Returns: whether it was not raised before.
  func raise() -> Bool {
    !state.exchange(true, ordering: .relaxed)
  }
}
