package import CairnModel
internal import Logging
internal import Synchronization

extension VolumeStore {
  /// Makes an empty volume, durably. That it is there already is fine. Also on a disk that has reached its reserve: it
  /// may be for the tombstones that make room, and other records are refused when they come.
  ///
  /// - Throws: ``StorageError/tooManyVolumes(_:)``, ``StorageError/io(_:path:)``, ``StorageError/closed``.
  nonisolated(nonsending) package func createVolume(_ id: VolumeID) async throws(StorageError) {
    if volume(id) != nil { return }
    try await threads.perform { [self] () throws(StorageError) in
      try tree.withLock { (tree) throws(StorageError) in
        // Another call may have made it meanwhile.
        let present = volumesByID.withLock { $0[id] }
        if let present, !present.dropped.isRaised { return }
        guard !context.closing.isRaised else { throw .closed }
        // One that is being dropped goes first.
        if let present { try remove(present, from: &tree) }
        let paths = try tree.allocate(id)
        do throws(StorageError) {
          let volume = try StoredVolume.create(id, at: paths, context: context)
          volumesByID.withLock { $0[id] = volume }
        } catch {
          tree.release(paths)
          if case .io(let cause, _) = error, cause.isOutOfSpace { throw context.space.exhausted() }
          throw error
        }
      }
      context.logger.debug("volume created", metadata: ["volume": "\(id)"])
    }
  }

  /// Appends a record; returns when it is on the disk (with `async`: written). Concurrent appends to a volume share
  /// one sync.
  ///
  /// Appending a record again that is there already succeeds, so that a caller without an answer can repeat it.
  /// - Throws: ``StorageError/unknownVolume(_:)``, ``StorageError/volumeSealed(_:)``, ``StorageError/volumeFull(_:)``,
  ///   ``StorageError/volumeFailed(_:_:)``, ``StorageError/readOnly(free:reserve:)``,
  ///   ``StorageError/duplicateBlob(_:)``, ``StorageError/io(_:path:)``, ``StorageError/closed``.
  nonisolated(nonsending) package func append(
    _ record: EncodedRecord, to volume: VolumeID
  ) async throws(StorageError) {
    try await completed { append(record, to: volume, completion: $0) }
  }

  /// Appends as ``append(_:to:)``, for callers that don't suspend.
  ///
  /// - Parameter completion: called once, on this thread or on one of the store's own, which it must not block.
  package func append(
    _ record: EncodedRecord, to volume: VolumeID, completion: @escaping @Sendable (Result<Void, StorageError>) -> Void
  ) {
    enqueue(.append(AppendQueue.Append(record: record, completion: completion)), to: volume, completion)
  }

  /// Puts a record that is intact elsewhere in the place of one that is damaged or missing here, also in a sealed
  /// volume; returns when it is on the disk. What was there becomes garbage. That it is there and intact is fine, and
  /// so is that it became garbage here: then nothing is written.
  ///
  /// - Throws: as ``append(_:to:)`` but for ``StorageError/volumeSealed(_:)``.
  nonisolated(nonsending) package func restore(
    _ record: EncodedRecord, to volume: VolumeID
  ) async throws(StorageError) {
    try await completed { completion in
      enqueue(.restore(AppendQueue.Append(record: record, completion: completion)), to: volume, completion)
    }
  }

  /// Lets a volume take no more appends, durably. That it is sealed already is fine.
  ///
  /// - Throws: ``StorageError/unknownVolume(_:)``, ``StorageError/volumeFailed(_:_:)``, ``StorageError/io(_:path:)``,
  ///   ``StorageError/closed``.
  nonisolated(nonsending) package func seal(_ volume: VolumeID) async throws(StorageError) {
    try await completed { enqueue(.seal($0), to: volume, $0) }
  }

  nonisolated(nonsending) private func completed(
    _ start: (@escaping AppendQueue.Completion) -> Void
  ) async throws(StorageError) {
    // Unsafe only in that it is not checked: the queue hands each operation out once, and the writer answers each.
    let result = await withUnsafeContinuation { continuation in
      start { continuation.resume(returning: $0) }
    }
    try result.get()
  }

  private func enqueue(
    _ operation: AppendQueue.Operation, to id: VolumeID, _ completion: AppendQueue.Completion
  ) {
    do throws(StorageError) {
      let volume = try find(id)
      perform(volume.queue.withLock { $0.enqueue(operation) }, on: volume, completion)
    } catch {
      completion(.failure(error))
    }
  }

  func perform(_ action: AppendQueue.Action, on volume: StoredVolume, _ completion: AppendQueue.Completion) {
    switch action {
    case .none: break
    case .refuse: completion(.failure(volume.dropped.isRaised ? .unknownVolume(volume.id) : .closed))
    case .startWriter: startWriter(of: volume)
    }
  }

  /// Batches that a volume may have in a row before others get their turn.
  private static let turnLength = 16

  private func startWriter(of volume: StoredVolume) {
    writers.run { [self] staging in
      for _ in 0..<Self.turnLength {
        guard let batch = volume.queue.withLock({ $0.takeBatch() }) else { return }
        if let staging { perform(batch, on: volume, staging) } else { batch.fail(.closed) }
      }
      startWriter(of: volume)
    }
  }

  /// Performs operations in order; appends that follow each other go together.
  private func perform(_ batch: [AppendQueue.Operation], on volume: StoredVolume, _ staging: WriteStaging) {
    var appends: [AppendQueue.Append] = []
    appends.reserveCapacity(batch.count)
    var restores: [AppendQueue.Append] = []
    for operation in batch {
      switch operation {
      case .append(let append):
        commit(&restores, to: volume, staging, isRestoring: true)
        appends.append(append)
      case .restore(let restore):
        commit(&appends, to: volume, staging)
        restores.append(restore)
      case .seal(let completion):
        commit(&appends, to: volume, staging)
        commit(&restores, to: volume, staging, isRestoring: true)
        completion(volume.performSeal())
      case .barrier(let completion):
        commit(&appends, to: volume, staging)
        commit(&restores, to: volume, staging, isRestoring: true)
        completion(.success(()))
      }
    }
    commit(&appends, to: volume, staging)
    commit(&restores, to: volume, staging, isRestoring: true)
  }

  private func commit(
    _ appends: inout [AppendQueue.Append], to volume: StoredVolume, _ staging: WriteStaging, isRestoring: Bool = false
  ) {
    guard !appends.isEmpty else { return }
    let batch = isRestoring ? volume.restore(appends, through: staging) : volume.commit(appends, through: staging)
    mark(batch.garbage, at: context.now())
    volume.marked()
    for (append, outcome) in zip(appends, batch.outcomes) { append.completion(outcome) }
    appends.removeAll(keepingCapacity: true)
  }

  /// Begins the grace of blobs that a tombstone names, as far as they are on this node.
  func mark(_ garbage: [BlobLocation], at time: Timestamp) {
    guard !garbage.isEmpty else { return }
    let grace = context.configuration.garbageGrace
    for (id, locations) in Dictionary(grouping: garbage, by: \.volume) {
      guard let volume = volumesByID.withLock({ $0[id] }) else { continue }
      volume.mark(locations.map { GarbageMark(blob: $0.blob, at: time, grace: grace) })
    }
  }
}

extension [AppendQueue.Operation] {
  fileprivate func fail(_ error: StorageError) {
    for operation in self {
      switch operation {
      case .append(let append), .restore(let append): append.completion(.failure(error))
      case .seal(let completion), .barrier(let completion): completion(.failure(error))
      }
    }
  }
}
