internal import CairnModel
internal import Logging
internal import NIOCore
internal import Synchronization

extension StoredVolume {
  /// Appends records in the place of damaged or missing ones, also to a sealed log, and durably whatever `DURABILITY`
  /// says. Only on the volume's writer.
  ///
  /// Nothing is written for a record that is there and intact, nor for one that is garbage here. A sealed log gets a
  /// new seal mark behind the records, so that everything before the mark was acknowledged still.
  func restore(_ restores: [Append], through staging: WriteStaging) -> CommittedBatch {
    // From here on a rewritten log does not take the place of this one.
    opening.withLock { _ in state.withLock { $0.isRestoring = true } }
    defer { state.withLock { $0.isRestoring = false } }
    var plan = AppendPlan(count: restores.count)
    admit(restores, to: &plan)
    if !plan.accepted.isEmpty {
      do throws(StorageError) {
        try write(restores, plan, through: staging, durably: true)
        try moveSeal(to: plan.end, from: plan.start)
        enter(restores, plan)
      } catch {
        for accepted in plan.accepted { plan.outcomes[accepted.position] = .failure(error) }
      }
    }
    return finish(restores, &plan)
  }

  private func admit(_ restores: [Append], to plan: inout AppendPlan) {
    let (end, failure) = state.withLock { ($0.end, $0.failure) }
    plan.begin(at: end)
    var positions: [BlobID: Int] = [:]
    for (position, restore) in restores.enumerated() {
      let header = restore.record.header
      do throws(StorageError) {
        if let first = positions[header.blob] {
          plan.repeats.append((position, .inBatch(first)))
          continue
        }
        guard try isNeeded(restore.record) else { continue }
        if let failure { throw .volumeFailed(id, failure) }
        guard plan.end + UInt64(header.paddedLength) <= LogHeader.logLengthMax else { throw .volumeFull(id) }
        try context.space.admit(UInt64(header.paddedLength))
        positions[header.blob] = position
        plan.accept(header, at: position)
      } catch {
        plan.outcomes[position] = .failure(error)
      }
    }
  }

  /// Whether the record is missing or damaged on the disk.
  ///
  /// - Throws: ``StorageError/duplicateBlob(_:)`` where another intact record has its blob id.
  private func isNeeded(_ record: EncodedRecord) throws(StorageError) -> Bool {
    let (file, entry) = try opened { state in
      state.index.ordinal(of: record.header.blob).map { state.index[$0] }
    }
    guard let entry else { return true }
    // Nobody refers to it any more: bringing it back would only make it look as if.
    guard entry.life == .live else { return false }
    var reader = DiskReader(file)
    guard let bytes = try? reader.read(entry.range),
      let stored = try? EncodedRecord(verifying: ByteBuffer(bytes: bytes)), stored.header.blob == entry.blob
    else { return true }
    guard stored.header == record.header else {
      throw .duplicateBlob(BlobLocation(volume: id, blob: record.header.blob))
    }
    noteIntact(entry)
    return false
  }

  private func moveSeal(to end: UInt64, from old: UInt64) throws(StorageError) {
    guard state.withLock({ $0.isSealed }) else { return }
    let file = try openedFile()
    do throws(SystemError) { try writeSealMark(file, end: end) } catch { throw syncFailed(error, file, end: old) }
  }

  private func enter(_ restores: [Append], _ plan: AppendPlan) {
    state.withLock { state in
      for accepted in plan.accepted {
        if let older = state.index.ordinal(of: accepted.entry.blob) { state.setLife(.dead, at: older) }
        state.index.put(accepted.entry)
        state.totals.add(accepted.entry)
        state.damagedBlobs.remove(accepted.entry.blob)
      }
      state.end = plan.end
      state.syncedEnd = plan.end
    }
    context.counters.appends.increment(by: UInt64(plan.accepted.count))
    context.counters.appendedBytes.increment(by: plan.end - plan.start)
    logger.info("blobs restored", metadata: ["count": "\(plan.accepted.count)"])
  }
}
