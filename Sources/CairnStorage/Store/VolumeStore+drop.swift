package import CairnModel
internal import Logging
internal import Synchronization

extension VolumeStore {
  /// Deletes a volume from this node: its files, durably, and its index. Whoever has one of its blobs open reads on;
  /// the disk space comes back with the last of them. That there is no such volume is fine.
  ///
  /// After a crash in the middle the volume is there as it was, or gone.
  /// - Throws: ``StorageError/io(_:path:)``, and then the volume takes no more operations until the store is opened
  ///   anew or dropping it again succeeds; ``StorageError/closed``.
  nonisolated(nonsending) package func dropVolume(_ id: VolumeID) async throws(StorageError) {
    guard !context.closing.isRaised else { throw .closed }
    guard let volume = volumesByID.withLock({ $0[id] }) else { return }
    _ = volume.dropped.raise()
    // What waits for its turn on the volume is answered before the files go.
    await withUnsafeContinuation { continuation in
      let completion: AppendQueue.Completion = { _ in continuation.resume() }
      perform(volume.queue.withLock { $0.close(last: .barrier(completion)) }, on: volume, completion)
    }
    try await threads.perform { [self] () throws(StorageError) in
      if volume.hasUncheckedTombstones { maintenance.withLock { _ in checkpointMarks(from: 1) } }
      try tree.withLock { (tree) throws(StorageError) in try remove(volume, from: &tree) }
    }
  }

  /// Removes the files of a dropped volume, and forgets it. The caller holds the tree's lock, so that no volume with
  /// the same id is made meanwhile.
  func remove(_ volume: StoredVolume, from tree: inout VolumeTree) throws(StorageError) {
    guard volumesByID.withLock({ $0[volume.id] }) === volume else { return }
    try volume.removeFiles()
    tree.release(volume.paths)
    context.descriptors.remove(volume)
    _ = volumesByID.withLock { $0.removeValue(forKey: volume.id) }
    context.logger.info("volume dropped", metadata: ["volume": "\(volume.id)"])
  }
}
