package import CairnModel
package import Logging
package import NIOPosix
internal import Synchronization

extension VolumeStore {
  /// Opens the store under the configuration's path, and makes it where there is none. Blocks: it loads every index,
  /// and reads what was written to the logs after that. What a crash left unfinished needs no other care.
  ///
  /// - Parameters:
  ///   - threadPool: for what must wait for the disk, apart from writing. It must have been started.
  ///   - now: the wall clock, for the grace of garbage.
  /// - Throws: ``StorageError/pathInUse(path:by:)``, ``StorageError/invalidConfiguration(option:value:allowed:)``,
  ///   ``StorageError/format(_:path:)`` for files of a newer Cairn, ``StorageError/io(_:path:)``.
  package static func open(
    _ configuration: StorageConfiguration, threadPool: NIOThreadPool, logger: Logger,
    operations: FileOperations = .system, now: @escaping @Sendable () -> Timestamp = { .now() }
  ) throws(StorageError) -> VolumeStore {
    try configuration.validate()
    let base = Directory(path: configuration.path)
    try base.createAll()
    try base.syncOwnEntry()
    let lock = try PathLock(base, operations: operations)
    let root = base.appending("volumes")
    let nodeFile = try NodeFile.readOrMake(
      in: base, hasVolumes: root.exists ? !root.entries().isEmpty : false,
      directoryEntriesMax: configuration.directoryEntriesMax, operations: operations)
    guard nodeFile.directoryEntriesMax <= configuration.directoryEntriesMax else {
      throw .invalidConfiguration(
        option: "entries per directory", value: "\(configuration.directoryEntriesMax)",
        allowed: "\(nodeFile.directoryEntriesMax) or more, with which this storage path was first used")
    }
    // Also where it is there: what the process before this one made or renamed may not be durable.
    _ = try root.create()
    try base.sync()
    let space = try DiskSpace(path: base.path, reserve: configuration.freeSpaceMin, operations: operations, now: now)
    let context = StorageContext(
      configuration: configuration, operations: operations, logger: logger, now: now, space: space,
      descriptors: DescriptorBudget(limit: configuration.descriptorsMax))

    var tree = VolumeTree(root: root, fanOut: nodeFile.directoryEntriesMax)
    let found = try tree.scan(logger: logger)
    var volumes: [VolumeID: StoredVolume] = [:]
    var isAnyRebuilt = false
    var withGaps: [StoredVolume] = []
    for paths in found {
      if let other = volumes[paths.volume] {
        logger.error("volume found twice", metadata: ["used": "\(other.paths.log)", "ignored": "\(paths.log)"])
        continue
      }
      let recovered = try StoredVolume.recover(at: paths, context: context)
      volumes[paths.volume] = recovered.volume
      isAnyRebuilt = isAnyRebuilt || recovered.isRebuilt
      if recovered.hasGap { withGaps.append(recovered.volume) }
    }
    let store = VolumeStore(
      node: nodeFile.node, context: context, threads: threadPool, tree: tree, volumes: volumes, lock: lock)
    try store.replayTombstones(all: isAnyRebuilt)
    for volume in withGaps {
      store.attempt("write the index", on: volume) { () throws(StorageError) in try volume.writeSnapshot() }
    }
    logger.info(
      "storage opened",
      metadata: [
        "path": "\(configuration.path)", "node": "\(nodeFile.node)", "volumes": "\(volumes.count)",
        "blobs": "\(store.volumes().reduce(0) { $0 + $1.blobCount })",
      ])
    return store
  }

  /// Makes the marks again that may be in no index file.
  ///
  /// - Parameter all: an index was made from its log alone, and has lost the marks of tombstones anywhere.
  private func replayTombstones(all: Bool) throws(StorageError) {
    let volumes = allVolumes
    let now = context.now()
    for volume in volumes {
      let offset = all ? 0 : volume.state.withLock { $0.durablyMarkedEnd }
      try volume.replayTombstones(from: offset) { garbage, time in
        // A coordinator whose clock is ahead must not stretch the grace.
        mark(garbage, at: min(time, now))
      }
    }
    for volume in volumes { volume.sortDying() }
  }
}
