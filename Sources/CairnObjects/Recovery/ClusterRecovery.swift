package import CairnCatalog
package import CairnModel
internal import CairnNodeClient
package import Logging
internal import Synchronization

/// Rebuilds a catalog, or brings it up to date, from the records on the nodes' disks alone.
///
/// It only adds what is newer and removes what was deleted, so it may run again and again, several times at once, and
/// while clients write.
package struct ClusterRecovery: Sendable {
  package typealias Target = ObjectCatalog & VolumeCatalog & CatalogIndices

  package struct Settings: Sendable {
    /// Replicas that a volume should have at least (`REPLICATION_FACTOR`).
    package var replicationFactor = 1
    /// Volumes as somebody remembers them: says which nodes hold replicas that could not be asked.
    package var remembered: [Volume] = []
    /// Some nodes are known to be away. A replica that is open on the others may be an unfinished copy of one of
    /// theirs, so nothing is appended to it any more.
    package var isPartial = false
    /// What was written before this time is known to be in the catalog; nil when nothing is known.
    package var since: Timestamp?
    /// How long the making of a volume may take. One that is not on all its nodes yet would be added with too few.
    package var volumeCreationMax: Duration = .zero

    package init() {}
  }

  private let sources: [any ReplicaSurvey.Source]
  private let catalog: any Target
  private let settings: Settings
  private let ids: BlobIDGenerator
  private let logger: Logger

  /// - Parameter ids: is lifted above every version that is seen.
  package init(
    sources: [any ReplicaSurvey.Source], catalog: any Target, settings: Settings = Settings(), ids: BlobIDGenerator,
    logger: Logger
  ) {
    self.sources = sources
    self.catalog = catalog
    self.settings = settings
    self.ids = ids
    self.logger = logger
  }

  /// Replays the records of all nodes.
  ///
  /// - Parameter progress: is told after each batch of records, from several tasks.
  /// - Throws: ``CatalogError``. A node that fails is no error: the outcome names it.
  @discardableResult
  package func run(
    progress: @escaping @Sendable (RecoveryProgress) -> Void = { _ in }
  ) async throws -> RecoveryOutcome {
    // First, as all that follows asks the catalog.
    let indices = settings.since == nil ? try await catalog.compareIndices(.entries) : []
    let survey = try await survey()
    var outcome = RecoveryOutcome()
    outcome.repaired = indices
    outcome.unreachable = survey.unreachable
    let volumes = try await completeVolumes(survey, &outcome)
    let replay = RecordReplay(catalog: catalog, ids: ids, logger: logger)
    let meter = RecoveryMeter(volumeCount: survey.replicas.count, report: progress)
    let reader = RecordsReader(
      sources: sources, logger: logger, origin: settings.since.map { .time($0) } ?? .offset(0))
    let readings = await reader.readings(of: survey, volumes)
    let divided = DividedRecords(readings, since: settings.since)
    // Two passes: a head record counts only when every tombstone is known.
    var failures = try await reader.read(readings, of: survey) { volume, group, records in
      meter.add(records: records.count)
      divided.note(records, in: volume, of: group)
      replay.takeTombstones(among: records)
    } finished: { volume, unread in
      divided.finish(volume, without: unread)
      meter.finishVolume()
    }
    let completion = try await RecordCompletion(
      sources: sources, catalog: catalog, replay: replay, ids: ids, logger: logger
    ).run(divided.incomplete, readings)
    failures.merge(completion.failures)
    let withheld = completion.withheld
    try await UnlistedReplicas(
      sources: sources, catalog: catalog, replicationFactor: settings.replicationFactor, logger: logger
    ).list(volumes, survey, except: Set(failures.volumes.keys))
    meter.begin(.objects)
    failures.merge(
      try await reader.read(readings, of: survey) { volume, _, records in
        let counting = records.filter { !withheld.contains(BlobLocation(volume: volume, blob: $0.header.blob)) }
        let restored = try await replay.takeHeads(among: counting, in: volume)
        meter.add(records: records.count, restored: restored)
      } finished: { _, _ in
        meter.finishVolume()
      })
    let last = try await replay.finish()
    // What could be put again was.
    if !indices.isEmpty { _ = try await catalog.compareIndices(.all) }
    let end = meter.current
    outcome.volumes = readings.count
    outcome.records = end.records
    outcome.restored = end.restored + last.restored
    outcome.removed = last.removed
    outcome.unreadable = failures.volumes
    outcome.failedNodes = failures.nodes
    outcome.copied = completion.copied
    outcome.refused = completion.refused
    logger.info(
      "catalog recovered",
      metadata: [
        "volumes": "\(outcome.volumes)", "added": "\(outcome.volumesAdded)", "restored": "\(outcome.restored)",
        "removed": "\(outcome.removed)", "unreadable": "\(outcome.unreadable.count)", "repaired": "\(indices.count)",
      ])
    return outcome
  }

  /// The replicas as they are now, without volumes that are only being made.
  private func survey() async throws -> ReplicaSurvey {
    let first = await ReplicaSurvey.take(of: sources)
    guard settings.volumeCreationMax > .zero else { return first }
    let known = try await catalog.allVolumes()
    guard first.replicas.keys.contains(where: { known[$0] == nil }) else { return first }
    try await Task.sleep(for: settings.volumeCreationMax)
    // What was begun before the first look is on all its nodes now; whoever began it later has told the catalog.
    return await ReplicaSurvey.take(of: sources).restricted(to: Set(first.replicas.keys))
  }

  // MARK: Volumes

  /// - Returns: the volumes as the catalog lists them now.
  private func completeVolumes(
    _ survey: ReplicaSurvey, _ outcome: inout RecoveryOutcome
  ) async throws -> [VolumeID: Volume] {
    let known = try await catalog.allVolumes()
    var volumes = known
    let isPartial = settings.isPartial || !survey.unreachable.isEmpty
    let remembered = Dictionary(settings.remembered.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
    for id in Set(survey.replicas.keys).union(remembered.keys).sorted() {
      if let volume = known[id] {
        outcome.differences += survey.differences(of: volume)
        if volume.state == .open, survey.isSealed(id) { try await catalog.seal(id) }
        continue
      }
      var nodes = survey.completeReplicas(of: id).sorted()
      // Where nobody can be asked, memory is better than nothing.
      let away = remembered[id]?.nodes.filter { !survey.answered.contains($0) } ?? []
      if !away.isEmpty, !survey.isSealed(id) {
        // What is open may be the copy of a replica that is away.
        nodes.removeAll { !(remembered[id]?.nodes.contains($0) ?? false) }
      }
      nodes += away
      guard !nodes.isEmpty else { continue }
      let wanted = max(nodes.count, settings.replicationFactor, remembered[id]?.replicasWanted ?? 1)
      let volume = Volume(id: id, nodes: nodes, replicasWanted: wanted)
      try await catalog.add(volume)
      volumes[id] = volume
      outcome.volumesAdded += 1
      if survey.isSealed(id) || isPartial || remembered[id]?.state == .sealed { try await catalog.seal(id) }
    }
    // Volumes of which nothing was found.
    for (id, volume) in known where survey.replicas[id] == nil { outcome.differences += survey.differences(of: volume) }
    return volumes
  }
}

extension ReplicaSurvey {
  fileprivate func restricted(to volumes: Set<VolumeID>) -> ReplicaSurvey {
    var survey = self
    survey.keep(volumes)
    return survey
  }
}

extension VolumeCatalog {
  private static var pageLength: Int { 1000 }

  /// Every volume, by its id.
  package func allVolumes() async throws(CatalogError) -> [VolumeID: Volume] {
    var all: [VolumeID: Volume] = [:]
    var start: VolumeID?
    while true {
      let page = try await volumes(after: start, limit: Self.pageLength)
      for volume in page { all[volume.id] = volume }
      guard page.count == Self.pageLength, let last = page.last else { return all }
      start = last.id
    }
  }
}
