internal import CairnModel
internal import Logging

/// What the volumes of one store share.
struct StorageContext: Sendable {
  let configuration: StorageConfiguration
  let operations: FileOperations
  let logger: Logger
  let now: @Sendable () -> Timestamp
  let space: DiskSpace
  let counters = StorageCounters()
  let descriptors: DescriptorBudget
}
