package import CairnModel
internal import Logging
internal import Synchronization

extension VolumeStore {
  /// So many marks of garbage may be made anew from tombstones at a start; then they are put into the index files.
  private static let uncheckedMarksMax = 65_536
  /// As many as it takes to make that worthwhile when the store closes.
  private static let uncheckedMarksAtClose = 4096

  /// Keeps the store in shape until the task is cancelled: ends graces, writes indexes, compacts, scrubs.
  ///
  /// - Parameter interval: between two passes; with `async` also the most that a loss of power takes.
  package func run(every interval: Duration = .seconds(1)) async {
    await withTaskGroup { group in
      group.addTask { [self] in await scrubRounds() }
      while (try? await Task.sleep(for: interval)) != nil {
        await maintain()
      }
    }
  }

  /// One pass of what ``run(every:)`` does.
  package func maintain() async {
    _ = try? await threads.perform { [self] in
      maintenance.withLock { _ in
        guard !context.closing.isRaised else { return }
        _ = context.space.current()
        for volume in allVolumes {
          attempt("sync the log", on: volume) { () throws(StorageError) in try volume.syncLog() }
        }
        expireGarbage()
        checkpointMarks(from: Self.uncheckedMarksMax)
        let now = context.now()
        for volume in allVolumes where volume.isSnapshotDue && !volume.isPaused(at: now) {
          attempt("write the index", on: volume) { () throws(StorageError) in try volume.writeSnapshot() }
        }
        compactDue { !$0.isPaused(at: now) }
      }
    }
  }

  /// Rewrites every log that has garbage enough.
  ///
  /// - Returns: bytes given back.
  @discardableResult
  package func compact() async -> UInt64 {
    let bytes = try? await threads.perform { [self] in
      maintenance.withLock { _ in
        expireGarbage()
        return compactDue { _ in true }
      }
    }
    return bytes ?? 0
  }

  /// Rewrites a sealed log without what is damaged in it: records that were found so, and ranges of which no one knows
  /// whose they were. For a replica that has all that an intact one has: nothing tells of the damage any more.
  ///
  /// Nothing happens where the log can't be rewritten now: it is open, has failed, has damage that was not known yet, or
  /// there is no room. ``VolumeSummary/damagedCount`` tells.
  /// - Throws: ``StorageError/unknownVolume(_:)``, ``StorageError/io(_:path:)``, ``StorageError/closed``.
  nonisolated(nonsending) package func rewriteWithoutDamage(_ id: VolumeID) async throws(StorageError) {
    let volume = try find(id)
    try await threads.perform { [self] () throws(StorageError) in
      try maintenance.withLock { (_) throws(StorageError) in
        guard volume.state.withLock({ $0.isRewritable && $0.allDamagedCount > 0 }) else { return }
        _ = try volume.compact(leavingDamageOut: true)
      }
    }
  }

  /// Ends the store in order: appends under way are finished, indexes written, the path released. Blobs that were
  /// handed out before can still be read.
  package func close() async {
    guard context.closing.raise() else { return }
    let volumes = allVolumes
    for volume in volumes {
      _ = await withUnsafeContinuation { continuation in
        let completion: AppendQueue.Completion = { continuation.resume(returning: $0) }
        perform(volume.queue.withLock { $0.close(last: .barrier(completion)) }, on: volume, completion)
      }
    }
    await writers.shutdown()
    _ = try? await threads.perform { [self] in
      maintenance.withLock { _ in
        checkpointMarks(from: Self.uncheckedMarksAtClose)
        for volume in volumes where volume.hasTail || volume.isSnapshotDue {
          attempt("write the index", on: volume) { () throws(StorageError) in try volume.writeSnapshot() }
        }
        for volume in volumes {
          attempt("end the log's file", on: volume) { () throws(StorageError) in try volume.trim() }
          volume.closeFile()
        }
        context.descriptors.removeAll()
      }
    }
    releaseLock()
    context.logger.info("storage closed", metadata: ["path": "\(context.configuration.path)"])
  }

  private func expireGarbage() {
    let now = context.now()
    for volume in allVolumes { volume.expireGarbage(at: now) }
  }

  @discardableResult
  private func compactDue(_ isWanted: (StoredVolume) -> Bool) -> UInt64 {
    var bytes: UInt64 = 0
    for volume in allVolumes where volume.isCompactionDue && isWanted(volume) {
      attempt("rewrite the log", on: volume) { () throws(StorageError) in bytes += try volume.compact() ?? 0 }
    }
    return bytes
  }

  /// Makes the marks of garbage durable, once there are `threshold` of them, by writing the index files of the
  /// volumes that they are for. Until then the tombstones are read again at a start.
  func checkpointMarks(from threshold: Int) {
    let counters = context.counters
    let count = counters.uncheckedMarks.load(ordering: .relaxed)
    guard count >= threshold || count == 0 else { return }
    // The order matters: first how far each log's marks have been made, then the writing of all that were.
    let volumes = allVolumes
    let ends = volumes.map { volume in volume.state.withLock { ($0.markedEnd, $0.header.generation) } }
    let now = context.now()
    for volume in volumes where volume.hasNewMarks {
      guard !volume.isPaused(at: now) else { return }
      guard attempt("write the index", on: volume, { () throws(StorageError) in try volume.writeSnapshot() }) else {
        return
      }
    }
    for (volume, (end, generation)) in zip(volumes, ends) {
      volume.state.withLock { state in
        guard state.header.generation == generation else { return }
        state.durablyMarkedEnd = max(state.durablyMarkedEnd, end)
      }
    }
    counters.uncheckedMarks.wrappingSubtract(count, ordering: .relaxed)
  }

  @discardableResult
  func attempt(_ what: String, on volume: StoredVolume, _ body: () throws(StorageError) -> Void) -> Bool {
    do throws(StorageError) {
      try body()
      return true
    } catch {
      volume.logger.error("could not \(what)", metadata: ["error": "\(error)"])
      volume.pause(from: context.now())
      return false
    }
  }
}
