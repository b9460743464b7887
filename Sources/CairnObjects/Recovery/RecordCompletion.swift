internal import CairnCatalog
internal import CairnModel
internal import CairnNodeClient
internal import Logging

/// Settles what becomes of records that some replicas of a volume lack, before a catalog takes them.
///
/// Nobody can tell whether such a record was acknowledged: a power cut may have stopped it on its way to the others, or a
/// replica may have lost it since. So it is copied to all of them, and counts. Only a head record that was certainly
/// not acknowledged before its name was deleted is refused, durably: else the name would return.
struct RecordCompletion: Sendable {
  let sources: [any ReplicaSurvey.Source]
  let catalog: any ClusterRecovery.Target
  let replay: RecordReplay
  /// For the tombstones of what is refused.
  let ids: BlobIDGenerator
  let logger: Logger

  struct Outcome {
    /// Head records that could not be copied to all replicas: the catalog must not take them.
    var withheld: Set<BlobLocation> = []
    var failures = RecordsReader.Failures()
    var copied = 0
    var refused = 0
  }

  /// - Parameter readings: tells all replicas of a volume.
  func run(
    _ incomplete: [VolumeID: [DividedRecords.Incomplete]], _ readings: [VolumeID: ReplicaReading]
  ) async throws -> Outcome {
    var outcome = Outcome()
    for (volume, records) in incomplete.sorted(by: { $0.key < $1.key }) {
      let replicas = readings[volume]?.groups.flatMap(\.self) ?? []
      // Whatever is appended from now on can't be acknowledged, so nothing new becomes incomplete.
      try await catalog.seal(volume)
      for node in readings[volume]?.complete ?? [] { try? await source(node)?.seal(volume) }
      for record in records { try await settle(record, in: volume, replicas, &outcome) }
    }
    if outcome.copied + outcome.refused > 0 {
      logger.notice(
        "records that some replicas lacked are settled",
        metadata: ["copied": "\(outcome.copied)", "refused": "\(outcome.refused)"])
    }
    return outcome
  }

  private func settle(
    _ incomplete: DividedRecords.Incomplete, in volume: VolumeID, _ replicas: [NodeID], _ outcome: inout Outcome
  ) async throws {
    let location = BlobLocation(volume: volume, blob: incomplete.blob)
    // A node no longer gives it out, though it is in its log until that is rewritten.
    if replay.isGarbage(location) { return }
    guard let record = await record(at: location, on: incomplete.holders) else {
      let reason = "\(incomplete.blob) can't be read any more"
      logger.warning("record not copied", metadata: ["location": "\(location)", "error": "\(reason)"])
      return outcome.withhold(location, failed: incomplete.holders, reason)
    }
    switch replay.standing(of: record, in: volume) {
    // Repairs see to it that all replicas say the same.
    case .garbage: return
    case .overtaken(let name) where try await catalog.object(name)?.head.blob != incomplete.blob:
      if await refuse(location, on: replicas) {
        outcome.refused += 1
      } else {
        outcome.withhold(location, failed: replicas, "no replica took note that \(incomplete.blob) is refused")
      }
    case .overtaken, .live:
      for node in incomplete.lacking {
        do throws(NodeError) {
          try await source(node)?.restore(record, to: volume)
          outcome.copied += 1
        } catch {
          logger.warning("record not copied", metadata: ["location": "\(location)", "error": "\(error)"])
          outcome.withhold(location, failed: [node], "\(error)")
        }
      }
    }
  }

  private func record(at location: BlobLocation, on holders: [NodeID]) async -> EncodedRecord? {
    for node in holders {
      if let record = try? await source(node)?.record(location) { return record }
    }
    return nil
  }

  /// - Returns: whether it is durable on one replica: then whoever reads all of them knows it.
  private func refuse(_ location: BlobLocation, on replicas: [NodeID]) async -> Bool {
    guard let tombstone = try? EncodedRecord.tombstone(Tombstone(garbage: [location]), id: ids.next()) else {
      return false
    }
    var isDurable = false
    for node in replicas {
      do throws(NodeError) {
        guard let source = source(node) else { continue }
        try await source.restore(tombstone, to: location.volume)
        isDurable = true
      } catch {
        logger.warning("refused write not noted", metadata: ["location": "\(location)", "error": "\(error)"])
      }
    }
    if isDurable { replay.takeTombstones(among: [tombstone]) }
    return isDurable
  }

  private func source(_ id: NodeID) -> (any ReplicaSurvey.Source)? { sources.first { $0.id == id } }
}

extension RecordCompletion.Outcome {
  fileprivate mutating func withhold(_ location: BlobLocation, failed nodes: [NodeID], _ reason: String) {
    withheld.insert(location)
    failures.volumes[location.volume] = reason
    failures.nodes.formUnion(nodes)
  }
}
