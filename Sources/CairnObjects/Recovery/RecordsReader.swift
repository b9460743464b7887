internal import CairnCatalog
internal import CairnModel
internal import CairnNodeClient
internal import Logging

/// Which replicas of a volume are read so that no record is missed that one of them has.
struct ReplicaReading: Sendable {
  /// Replicas that say that they hold the same records are in one group: one of them is enough.
  var groups: [[NodeID]] = []
  /// The replicas that should have every record.
  var complete: Set<NodeID> = []

  /// Its replicas hold different records, or nobody knows that they don't.
  var isDivided: Bool { groups.count > 1 }
}

/// Reads the records of whole volumes: all that any replica has.
///
/// One replica would do if each had every record. But one may come from an older snapshot, have lost the end of its log,
/// or have a record that the others never got.
struct RecordsReader: Sendable {
  /// Volumes whose records are read at the same time.
  private static let concurrencyMax = 4

  struct Failures {
    /// The volumes that could not be read to their ends, and why.
    var volumes: [VolumeID: String] = [:]
    /// The nodes that failed there.
    var nodes: Set<NodeID> = []

    mutating func merge(_ other: Failures) {
      volumes.merge(other.volumes) { $1 }
      nodes.formUnion(other.nodes)
    }
  }

  let sources: [any ReplicaSurvey.Source]
  let logger: Logger
  /// Where the reading of each volume begins.
  var origin = RecordOrigin.offset(0)

  /// Decides which replicas are read of each volume.
  ///
  /// - Parameter volumes: as the catalog, or somebody's memory, lists their nodes.
  func readings(of survey: ReplicaSurvey, _ volumes: [VolumeID: Volume]) async -> [VolumeID: ReplicaReading] {
    await withTaskGroup(of: (VolumeID, ReplicaReading).self) { group in
      var readings: [VolumeID: ReplicaReading] = [:]
      for (index, volume) in survey.replicas.keys.sorted().enumerated() {
        if index >= Self.concurrencyMax, let (volume, reading) = await group.next() { readings[volume] = reading }
        group.addTask {
          let complete = survey.completeReplicas(of: volume)
          // A node may have been away when the others were sealed. One that is not listed has an unfinished copy.
          let listed = (volumes[volume]?.nodes ?? []).filter { survey.replicas[volume]?[$0] != nil }
          let rest = listed.filter { !complete.contains($0) }.sorted()
          return (volume, ReplicaReading(groups: await alike(complete + rest, in: volume), complete: Set(complete)))
        }
      }
      for await (volume, reading) in group { readings[volume] = reading }
      return readings
    }
  }

  /// Replicas of the same digest together, in the order of `replicas`.
  private func alike(_ replicas: [NodeID], in volume: VolumeID) async -> [[NodeID]] {
    // A digest covers the whole log, so it costs more than to read the end of each.
    guard replicas.count > 1, case .offset(0) = origin else { return replicas.map { [$0] } }
    var groups: [(digest: ReplicaDigest?, nodes: [NodeID])] = []
    for id in replicas {
      let digest = try? await source(id)?.digest(of: volume)
      if let digest, let index = groups.firstIndex(where: { $0.digest == digest }) {
        groups[index].nodes.append(id)
      } else {
        groups.append((digest, [id]))
      }
    }
    return groups.map(\.nodes)
  }

  private func source(_ id: NodeID) -> (any ReplicaSurvey.Source)? { sources.first { $0.id == id } }

  /// Hands over the records of each volume: of one replica of each group, and of the next one where one breaks off. A
  /// record comes as often as there are groups that have it.
  ///
  /// - Parameters:
  ///   - body: gets the index of the group, too.
  ///   - finished: is called once for each volume, with the groups of which no replica could be read to its end.
  /// - Throws: ``CatalogError`` of `body`.
  func read(
    _ readings: [VolumeID: ReplicaReading], of survey: ReplicaSurvey,
    _ body: @escaping @Sendable (VolumeID, Int, [EncodedRecord]) async throws -> Void,
    finished: @escaping @Sendable (VolumeID, Set<Int>) -> Void
  ) async throws -> Failures {
    let failures = await withTaskGroup(of: Result<Failures, CatalogError>.self) { group in
      var results: [Result<Failures, CatalogError>] = []
      for (index, (volume, reading)) in readings.sorted(by: { $0.key < $1.key }).enumerated() {
        if index >= Self.concurrencyMax, let result = await group.next() { results.append(result) }
        group.addTask {
          var failures = Failures()
          var failedGroups: Set<Int> = []
          defer { finished(volume, failedGroups) }
          for (index, replicas) in reading.groups.enumerated() {
            do throws(CatalogError) {
              let error = try await read(volume, from: replicas, of: survey) { try await body(volume, index, $0) }
              guard let error else { continue }
              failures.volumes[volume] = "\(error)"
              failures.nodes.formUnion(replicas)
              failedGroups.insert(index)
            } catch {
              return .failure(error)
            }
          }
          return .success(failures)
        }
      }
      for await result in group { results.append(result) }
      return results
    }
    try Task.checkCancellation()
    // A node that fails concerns its volumes; a catalog that fails, everything.
    return try failures.reduce(into: Failures()) { $0.merge(try $1.get()) }
  }

  /// - Returns: what failed; nil where one of the replicas was read to its end.
  private func read(
    _ volume: VolumeID, from replicas: [NodeID], of survey: ReplicaSurvey,
    _ body: @escaping @Sendable ([EncodedRecord]) async throws -> Void
  ) async throws(CatalogError) -> (any Error)? {
    var last: (any Error)?
    for id in replicas {
      guard let node = source(id) else { continue }
      do {
        try await node.records(in: volume, from: origin, headsAndTombstonesOnly: true, body)
        last = nil
        // What is damaged here may be whole on the next one.
        if survey.replicas[volume]?[id]?.damagedCount == 0 { break }
      } catch let error as CatalogError {
        throw error
      } catch {
        last = error
        logger.warning(
          "replica not read", metadata: ["volume": "\(volume)", "node": "\(id)", "error": "\(error)"])
      }
    }
    return last
  }
}
