internal import CairnModel
internal import Logging
internal import NIOCore
internal import Synchronization

/// What became of a batch of appends.
struct CommittedBatch {
  /// One for each append, in their order.
  var outcomes: [Result<Void, StorageError>]
  /// What the tombstones among them name.
  var garbage: [BlobLocation] = []
}

extension StoredVolume {
  typealias Append = AppendQueue.Append

  /// Writes records, syncs them together, and enters them into the index. Only on the volume's writer.
  ///
  /// When writing or syncing fails, all of them fail, and nothing of them stays in the log.
  func commit(_ appends: [Append], through staging: WriteStaging) -> CommittedBatch {
    var plan = AppendPlan(count: appends.count)
    admit(appends, to: &plan)
    if !plan.accepted.isEmpty {
      do throws(StorageError) {
        let isDurable = context.configuration.durability == .sync
        if isDurable { extend(try openedFile(), for: plan) }
        try write(appends, plan, through: staging, durably: isDurable)
        enter(appends, plan)
      } catch {
        for accepted in plan.accepted { plan.outcomes[accepted.position] = .failure(error) }
      }
    }
    return finish(appends, &plan)
  }

  /// What became of a batch whose accepted records are in the log.
  func finish(_ appends: [Append], _ plan: inout AppendPlan) -> CommittedBatch {
    for (position, original) in plan.repeats {
      plan.outcomes[position] = outcome(ofRepeating: original, with: appends, at: position, plan)
    }
    var batch = CommittedBatch(outcomes: plan.outcomes)
    for accepted in plan.accepted where accepted.entry.isTombstone {
      guard case .success = plan.outcomes[accepted.position] else { continue }
      batch.garbage += garbage(of: appends[accepted.position].record)
    }
    return batch
  }

  /// Decides which records are written, and where.
  private func admit(_ appends: [Append], to plan: inout AppendPlan) {
    let (end, refusal, present) = state.withLock { state in
      let refusal: StorageError? =
        if let failure = state.failure { .volumeFailed(id, failure) } else if state.isSealed { .volumeSealed(id) } else
        {
          nil
        }
      let present = appends.map { append in
        state.index.ordinal(of: append.record.header.blob).map { state.index[$0] }
      }
      return (state.end, refusal, present)
    }
    plan.begin(at: end)
    var positions: [BlobID: Int] = [:]
    if appends.count > 1 { positions.reserveCapacity(appends.count) }
    for (position, append) in appends.enumerated() {
      let header = append.record.header
      // A repeated append is answered by the record that is there, whatever became of the volume since.
      if let entry = present[position] {
        plan.repeats.append((position, .stored(entry)))
      } else if let first = positions[header.blob] {
        plan.repeats.append((position, .inBatch(first)))
      } else if let refusal {
        plan.outcomes[position] = .failure(refusal)
      } else if plan.end > UInt64(LogHeader.length),
        plan.end + UInt64(header.paddedLength) > context.configuration.volumeSizeMax
      {
        plan.outcomes[position] = .failure(.volumeFull(id))
      } else {
        do throws(StorageError) {
          try context.space.admit(UInt64(header.paddedLength), usingReserve: header.kind == .tombstone)
          positions[header.blob] = position
          plan.accept(header, at: position)
        } catch {
          plan.outcomes[position] = .failure(error)
        }
      }
    }
  }

  /// Writes the accepted records, and syncs the log when it is to be `durably`.
  func write(
    _ appends: [Append], _ plan: AppendPlan, through staging: WriteStaging, durably: Bool
  ) throws(StorageError) {
    let file = try openedFile()
    do throws(SystemError) {
      staging.begin(at: plan.start)
      for accepted in plan.accepted { try staging.add(appends[accepted.position].record, to: file) }
      try staging.flush(to: file)
    } catch {
      throw writeFailed(error, file, end: plan.start)
    }
    guard durably else { return }
    do throws(SystemError) {
      try file.sync()
      context.counters.syncs.increment()
    } catch {
      throw syncFailed(error, file, end: plan.start)
    }
  }

  private func enter(_ appends: [Append], _ plan: AppendPlan) {
    state.withLock { state in
      for accepted in plan.accepted {
        state.index.insert(accepted.entry)
        state.totals.add(accepted.entry)
      }
      state.end = plan.end
      if context.configuration.durability == .sync { state.syncedEnd = plan.end }
    }
    context.counters.appends.increment(by: UInt64(plan.accepted.count))
    context.counters.appendedBytes.increment(by: plan.end - plan.start)
  }

  /// A blob id came twice. That is fine when both mean the same record: then the first answer was lost on its way.
  private func outcome(
    ofRepeating original: AppendPlan.Original, with appends: [Append], at position: Int, _ plan: AppendPlan
  ) -> Result<Void, StorageError> {
    let header = appends[position].record.header
    let duplicate = StorageError.duplicateBlob(BlobLocation(volume: id, blob: header.blob))
    switch original {
    case .inBatch(let first):
      return appends[first].record.header == header ? plan.outcomes[first] : .failure(duplicate)
    case .stored(let entry):
      do throws(StorageError) {
        let prefix = try openedFile().read(Record.headerLength, at: entry.offset)
        let stored = prefix.withUnsafeReadableBytes { bytes in try? RecordHeader(bytes) }
        return stored == header ? .success(()) : .failure(duplicate)
      } catch {
        return .failure(error)
      }
    }
  }

  private func garbage(of record: EncodedRecord) -> [BlobLocation] {
    do throws(FormatError) {
      return try Tombstone(metadata: record.record.metadata).garbage
    } catch {
      logger.warning(
        "tombstone names no garbage that can be read",
        metadata: ["blob": "\(record.header.blob)", "error": "\(error)"])
      return []
    }
  }
}

/// What a batch will do to a log.
struct AppendPlan {
  enum Original {
    case stored(IndexEntry)
    /// The position in the batch.
    case inBatch(Int)
  }

  var outcomes: [Result<Void, StorageError>]
  private(set) var accepted: [(position: Int, entry: IndexEntry)] = []
  var repeats: [(position: Int, original: Original)] = []
  private(set) var start: UInt64 = 0
  private(set) var end: UInt64 = 0

  init(count: Int) {
    outcomes = Array(repeating: .success(()), count: count)
    accepted.reserveCapacity(count)
  }

  mutating func begin(at offset: UInt64) {
    start = offset
    end = offset
  }

  mutating func accept(_ header: RecordHeader, at position: Int) {
    accepted.append((position, IndexEntry(header, offset: end)))
    end += UInt64(header.paddedLength)
  }
}
