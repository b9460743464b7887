package import CairnModel
internal import Logging
internal import NIOPosix
internal import Synchronization

/// The storage engine of a node: keeps records in volumes, durably, and finds them again.
///
/// All methods may be called from anywhere at once. Those that are `nonisolated(nonsending)` stay on the caller's
/// executor: on an event loop's, a read from the page cache costs no switch of threads.
package final class VolumeStore: Sendable {
  /// Who this node is: made once, kept on the disk.
  package let node: NodeID

  let context: StorageContext
  let threads: NIOThreadPool
  let writers: WriterPool
  let tree: Mutex<VolumeTree>
  let volumesByID: Mutex<[VolumeID: StoredVolume]>
  /// One pass of maintenance at a time.
  let maintenance = Mutex(())
  private let lock: Mutex<PathLock?>

  init(
    node: NodeID, context: StorageContext, threads: NIOThreadPool, tree: VolumeTree,
    volumes: [VolumeID: StoredVolume], lock: PathLock
  ) {
    self.node = node
    self.context = context
    self.threads = threads
    self.tree = Mutex(tree)
    self.volumesByID = Mutex(volumes)
    self.lock = Mutex(lock)
    writers = WriterPool(threadCount: context.configuration.writerThreads)
  }

  /// Every volume on this node, in order of the ids.
  package func volumes() -> [VolumeSummary] {
    allVolumes.map(\.summary)
  }

  /// One volume, nil when it is not on this node.
  package func volume(_ id: VolumeID) -> VolumeSummary? {
    volumesByID.withLock { $0[id].flatMap { $0.dropped.isRaised ? nil : $0 } }?.summary
  }

  /// Free space, at most a second old.
  package func space() -> StorageSpace {
    context.space.current()
  }

  package var metrics: StorageMetrics {
    let counters = context.counters
    let indexBytes = allVolumes.reduce(0) { sum, volume in
      sum + volume.state.withLock { $0.index.memoryBytes + $0.dying.capacity * MemoryLayout<DyingEntry>.stride }
    }
    return StorageMetrics(
      appends: counters.appends.value, appendedBytes: counters.appendedBytes.value, syncs: counters.syncs.value,
      corruptReads: counters.corruptReads.value, cachedReads: counters.cachedReads.value,
      threadReads: counters.threadReads.value, snapshots: counters.snapshots.value,
      compactions: counters.compactions.value, indexBytes: indexBytes, openLogs: context.descriptors.openCount)
  }

  var allVolumes: [StoredVolume] {
    volumesByID.withLock { $0.values.filter { !$0.dropped.isRaised } }.sorted { $0.id < $1.id }
  }

  func find(_ id: VolumeID) throws(StorageError) -> StoredVolume {
    guard !context.closing.isRaised else { throw .closed }
    guard let volume = volumesByID.withLock({ $0[id] }), !volume.dropped.isRaised else { throw .unknownVolume(id) }
    return volume
  }

  func releaseLock() {
    lock.withLock { $0 = nil }
  }
}
