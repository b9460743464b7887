package import CairnCatalog
package import CairnModel
package import CairnNodeClient
package import Logging
internal import Synchronization

/// Brings the catalog up to what the records on the disks say.
///
/// The catalog needs no sync on each commit: what it lost in a crash stands in the volumes' tails behind its marks,
/// and an empty catalog is rebuilt from all of them. Doing it again changes nothing, because versions only go up.
package struct CatalogReplay: Sendable {
  package typealias Target = ObjectCatalog & VolumeCatalog & ReplayMarks

  private let log: any RecordLog
  private let catalog: any Target
  private let node: NodeID
  private let ids: BlobIDGenerator
  private let logger: Logger

  /// - Parameters:
  ///   - node: holds the records.
  ///   - ids: is lifted above every version that is seen.
  package init(log: any RecordLog, catalog: any Target, node: NodeID, ids: BlobIDGenerator, logger: Logger) {
    self.log = log
    self.catalog = catalog
    self.node = node
    self.ids = ids
    self.logger = logger
  }

  /// Replays every record behind the catalog's marks, then moves the marks.
  ///
  /// - Returns: how many objects the catalog did not know.
  /// - Throws: ``CatalogError``, or what the log throws.
  @discardableResult
  package func run() async throws -> Int {
    let marks = try await catalog.replayMarks()
    let ends = try await log.ends()
    let tails = ends.filter { $0.value > marks[$0.key] ?? 0 }
    let sealed = try await log.sealedVolumes()
    for volume in ends.keys where marks[volume] == nil {
      try await catalog.add(Volume(id: volume, nodes: [node]))
      if sealed.contains(volume) { try await catalog.seal(volume) }
    }
    guard !tails.isEmpty else { return 0 }
    let replay = RecordReplay(catalog: catalog, ids: ids, logger: logger)
    for volume in tails.keys {
      try await log.records(in: volume, from: .offset(marks[volume] ?? 0), headsAndTombstonesOnly: true) { records in
        replay.takeTombstones(among: records)
      }
    }
    let restored = Atomic(0)
    for volume in tails.keys.sorted() {
      try await log.records(in: volume, from: .offset(marks[volume] ?? 0), headsAndTombstonesOnly: true) { records in
        restored.add(try await replay.takeHeads(among: records, in: volume), ordering: .relaxed)
      }
    }
    restored.add(try await replay.finish().restored, ordering: .relaxed)
    try await catalog.setReplayMarks(ends)
    let count = restored.load(ordering: .relaxed)
    logger.info(
      "catalog replayed",
      metadata: ["volumes": "\(tails.count)", "restored": "\(count)", "deletions": "\(replay.deletionCount)"])
    return count
  }
}

/// Tells the catalog from time to time how far it has come, so that a restart replays little.
package struct ReplayMarker: Sendable {
  private static let interval: Duration = .seconds(10)

  private let log: any RecordLog
  private let marks: any ReplayMarks
  private let barrier: WriteBarrier
  private let logger: Logger

  package init(log: any RecordLog, marks: any ReplayMarks, barrier: WriteBarrier, logger: Logger) {
    self.log = log
    self.marks = marks
    self.barrier = barrier
    self.logger = logger
  }

  /// Moves the marks again and again, until it is cancelled, and once more then.
  package func run() async {
    var last: [VolumeID: UInt64] = [:]
    while !Task.isCancelled {
      try? await Task.sleep(for: Self.interval)
      guard let ends = await ends(), ends != last, await mark(ends) else { continue }
      last = ends
    }
  }

  /// Moves the marks to the ends of all logs, once what is written there is in the catalog. Not while ``run()`` does.
  package func finish() async {
    if let ends = await ends() { _ = await mark(ends) }
  }

  private func ends() async -> [VolumeID: UInt64]? {
    do throws(NodeError) {
      return try await log.ends()
    } catch {
      logger.warning("replay marks not moved", metadata: ["error": "\(error)"])
      return nil
    }
  }

  /// Every write whose record stands before `ends` has reached the catalog when the barrier has settled.
  private func mark(_ ends: [VolumeID: UInt64]) async -> Bool {
    await barrier.settle()
    do throws(CatalogError) {
      try await marks.setReplayMarks(ends)
      return true
    } catch {
      logger.warning("replay marks not moved", metadata: ["error": "\(error)"])
      return false
    }
  }
}
