internal import CairnCatalog
package import CairnModel
internal import CairnNodeClient
package import Logging
internal import Synchronization

/// Compares a catalog with the disks, and the replicas of each volume with each other, and changes nothing.
///
/// It may run while clients write. What they change meanwhile is looked at again before it counts; only an object
/// that is deleted meanwhile can be listed although all is well.
///
/// It remembers the place of each object of the catalog that it found on a disk: some 50 bytes each.
package struct CatalogComparison: Sendable {
  private let sources: [any ReplicaSurvey.Source]
  private let catalog: any ClusterRecovery.Target
  private let logger: Logger

  package init(sources: [any ReplicaSurvey.Source], catalog: any ClusterRecovery.Target, logger: Logger) {
    self.sources = sources
    self.catalog = catalog
    self.logger = logger
  }

  package struct Outcome: Sendable {
    package var volumes = 0
    /// Heads and tombstones.
    package var records = 0
    /// Objects in the catalog.
    package var objects = 0
    package var differences = 0
    /// Volumes of which no replica could be read to its end, and why.
    package var unreadable: [VolumeID: String] = [:]
    /// Nodes that did not answer, and why.
    package var unreachable: [NodeID: String] = [:]
  }

  fileprivate struct Found {
    var tombstones = ReplayedTombstones()
    /// Of the catalog's objects, those whose head record was seen.
    var seen: Set<BlobLocation> = []
    /// Differences that were told: a record may be read of several replicas.
    var told: Set<BlobLocation> = []
    /// Heads that are newer than what the catalog has: the newest of each name.
    var newer: [ObjectName: ReplayedHead] = [:]
    var buckets: Set<BucketName> = [.default]
  }

  /// - Parameter report: is told of each difference, one after the other.
  package func run(
    progress: @escaping @Sendable (RecoveryProgress) -> Void = { _ in },
    report: @escaping @Sendable (CatalogDifference) -> Void
  ) async throws -> Outcome {
    let survey = await ReplicaSurvey.take(of: sources)
    let meter = RecoveryMeter(volumeCount: survey.replicas.count, report: progress)
    let reader = RecordsReader(sources: sources, logger: logger)
    let interpreter = RecordInterpreter(ids: BlobIDGenerator(), logger: logger)
    let found = Mutex(Found())
    let count = Atomic(0)
    @Sendable func tell(_ difference: CatalogDifference) {
      count.add(1, ordering: .relaxed)
      report(difference)
    }
    for difference in try await catalog.compareIndices(.none) { tell(.index(difference)) }
    var outcome = Outcome(volumes: survey.replicas.count, unreachable: survey.unreachable)
    let readings = await reader.readings(of: survey, try await catalog.allVolumes())
    var failures = try await reader.read(readings, of: survey) { _, _, records in
      meter.add(records: records.count)
      let tombstones = interpreter.tombstones(among: records)
      found.withLock { found in
        for (tombstone, id) in tombstones { found.tombstones.add(tombstone, id: id) }
      }
    } finished: { _, _ in
      meter.finishVolume()
    }
    meter.begin(.objects)
    let failuresOfHeads = try await reader.read(readings, of: survey) { volume, _, records in
      meter.add(records: records.count)
      for head in interpreter.heads(among: records, in: volume) {
        let current = try await catalog.readableObject(head.name)
        found.withLock { $0.take(head, current: current) }.map(tell)
      }
    } finished: { _, _ in
      meter.finishVolume()
    }
    failures.merge(failuresOfHeads)
    outcome.unreadable = failures.volumes
    outcome.records = meter.current.records
    let newer = found.withLock { $0.newer }
    for (name, head) in newer.sorted(by: { $0.value.object.head.blob < $1.value.object.head.blob }) {
      // Its writer may have put it into the catalog meanwhile.
      let current = try await catalog.readableObject(name)
      guard let current else {
        tell(.objectNotInCatalog(name, disk: head.object.head))
        continue
      }
      if current.head.blob < head.object.head.blob {
        tell(.olderInCatalog(name, catalog: current.head, disk: head.object.head))
      }
    }
    outcome.objects = try await compareObjects(found.withLock { ($0.seen, $0.buckets) }, survey, tell)
    try await compareVolumes(survey, tell)
    let tombstones = found.withLock { $0.tombstones }
    outcome.unreadable.merge(
      await ReplicaComparison(sources: sources).run(readings, isGarbage: { tombstones.isGarbage($0) }) {
        tell(.replica($0))
      }
    ) { old, _ in old }
    outcome.differences = count.load(ordering: .relaxed)
    return outcome
  }

  // MARK: From the catalog to the disks

  /// - Returns: how many objects the catalog has.
  private func compareObjects(
    _ found: (seen: Set<BlobLocation>, buckets: Set<BucketName>), _ survey: ReplicaSurvey,
    _ tell: (CatalogDifference) -> Void
  ) async throws -> Int {
    var count = 0
    for bucket in found.buckets.sorted(by: { $0.text < $1.text }) {
      var query = ListQuery(limit: CatalogLimits.pageLengthMax)
      repeat {
        // Damage was told already; what stands behind it can be compared when it was rebuilt.
        guard let page = try await catalog.readablePage(of: bucket, query) else { break }
        count += page.entries.count
        for entry in page.entries where !found.seen.contains(entry.object.head) {
          if try await isOnDisk(entry.object.head, survey) { continue }
          tell(.objectNotOnDisk(ObjectName(bucket: bucket, key: entry.key), catalog: entry.object.head))
        }
        query.startAfter = page.nextStartAfter
      } while query.startAfter != nil
    }
    return count
  }

  /// Whether some node has the record now, or may have it: nobody knows what is on a node that is away.
  private func isOnDisk(_ location: BlobLocation, _ survey: ReplicaSurvey) async throws -> Bool {
    let named = try await catalog.volume(location.volume)?.nodes ?? []
    let holders = Set(named).union(survey.completeReplicas(of: location.volume))
    var isKnown = true
    for node in holders {
      guard let source = sources.first(where: { $0.id == node }) else {
        isKnown = false
        continue
      }
      do throws(NodeError) {
        _ = try await source.record(location)
        return true
      } catch .unreachable {
        isKnown = false
      } catch {}
    }
    return !isKnown
  }

  // MARK: Volumes

  private func compareVolumes(_ earlier: ReplicaSurvey, _ tell: (CatalogDifference) -> Void) async throws {
    let known = try await catalog.allVolumes()
    for id in earlier.replicas.keys.sorted() where known[id] == nil {
      tell(.volumeNotInCatalog(id, disk: earlier.completeReplicas(of: id).sorted()))
    }
    // Volumes that were made meanwhile are on their nodes before they are in the catalog.
    let survey = await ReplicaSurvey.take(of: sources)
    for (id, volume) in known.sorted(by: { $0.key < $1.key }) {
      for difference in survey.differences(of: volume) { tell(.replica(difference)) }
      guard survey.isSealed(id), try await catalog.volume(id)?.state == .open else { continue }
      tell(.openInCatalog(id))
    }
  }
}

extension CatalogComparison.Found {
  /// Compares a head record with the catalog's version of its name.
  ///
  /// - Returns: a difference that is certain at once.
  fileprivate mutating func take(_ head: ReplayedHead, current: StoredObject?) -> CatalogDifference? {
    buckets.insert(head.name.bucket)
    let live = tombstones.live(head)
    if let current, current.head == head.object.head {
      seen.insert(current.head)
      let fields = current.attributes.differences(from: head.object.attributes)
      guard live == nil || !fields.isEmpty, told.insert(current.head).inserted else { return nil }
      return live == nil
        ? .deletedOnDisk(head.name, catalog: current.head) : .attributes(head.name, current.head, fields)
    }
    guard let live, current.map({ $0.head.blob < head.object.head.blob }) ?? true else { return nil }
    // A write that was refused is no loss.
    switch live.condition {
    case .always: break
    case .absent: guard current == nil else { return nil }
    case .version(let version): guard current?.head.blob == version else { return nil }
    }
    if let known = newer[head.name], known.object.head.blob > head.object.head.blob { return nil }
    newer[head.name] = head
    return nil
  }
}
