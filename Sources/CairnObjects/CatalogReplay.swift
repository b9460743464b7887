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

  /// Puts under way at the same time: they share commits.
  private static let concurrencyMax = 64

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

  private struct Head {
    var name: ObjectName
    var object: StoredObject
    var condition: WriteCondition
  }

  private struct Tombstones {
    /// Names that were deleted, with the newest version that is gone.
    var deletions: [ObjectName: (upTo: BlobID, tombstone: BlobID)] = [:]
    /// Blobs that nothing refers to.
    var garbage: Set<BlobLocation> = []

    mutating func add(_ tombstone: Tombstone, id: BlobID) {
      garbage.formUnion(tombstone.garbage)
      guard let deleted = tombstone.object else { return }
      if let known = deletions[deleted.name], known.upTo >= deleted.upTo { return }
      deletions[deleted.name] = (deleted.upTo, id)
    }

    func cover(_ head: Head) -> Bool {
      garbage.contains(head.object.head)
        || deletions[head.name].map { head.object.head.blob <= $0.upTo } ?? false
    }
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
    // Tombstones first: they may stand in another volume than what they remove.
    let found = Mutex(Tombstones())
    for volume in tails.keys {
      try await log.records(in: volume, from: marks[volume] ?? 0, headsAndTombstonesOnly: true) { records in
        for record in records where record.header.kind == .tombstone {
          guard
            let tombstone = understood(
              record, { () throws(FormatError) in try Tombstone(metadata: record.record.metadata) })
          else { continue }
          found.withLock { $0.add(tombstone, id: record.header.blob) }
        }
      }
    }
    let tombstones = found.withLock { $0 }
    let restored = Atomic(0)
    let conditional = Mutex<[Head]>([])
    for volume in tails.keys.sorted() {
      try await log.records(in: volume, from: marks[volume] ?? 0, headsAndTombstonesOnly: true) { records in
        let heads = heads(among: records, in: volume).filter { !tombstones.cover($0) }
        conditional.withLock { $0 += heads.filter { $0.condition != .always } }
        restored.add(try await put(heads.filter { $0.condition == .always }), ordering: .relaxed)
      }
    }
    // A condition can be judged only when every older version is there.
    for head in conditional.withLock({ $0 }).sorted(by: { $0.object.head.blob < $1.object.head.blob }) {
      restored.add(try await put([head]), ordering: .relaxed)
    }
    for (name, deletion) in tombstones.deletions {
      if let current = try await catalog.object(name), current.head.blob <= deletion.upTo {
        _ = try await catalog.delete(name, version: current.head.blob, tombstone: deletion.tombstone)
      }
    }
    try await catalog.setReplayMarks(ends)
    let count = restored.load(ordering: .relaxed)
    logger.info(
      "catalog replayed",
      metadata: ["volumes": "\(tails.count)", "restored": "\(count)", "deletions": "\(tombstones.deletions.count)"])
    return count
  }

  private func heads(among records: [EncodedRecord], in volume: VolumeID) -> [Head] {
    records.compactMap { record in
      ids.observe(record.header.blob)
      guard record.header.kind == .head,
        let head = understood(record, { () throws(FormatError) in try HeadRecord(metadata: record.record.metadata) })
      else { return nil }
      let object = StoredObject(
        head: BlobLocation(volume: volume, blob: record.header.blob), attributes: head.attributes)
      return Head(name: head.name, object: object, condition: head.condition)
    }
  }

  /// What `decode` makes of a record; nil, and a line in the log, where it is not understood.
  private func understood<Value>(_ record: EncodedRecord, _ decode: () throws(FormatError) -> Value) -> Value? {
    do throws(FormatError) {
      return try decode()
    } catch {
      logger.error("record not understood", metadata: ["blob": "\(record.header.blob)", "error": "\(error)"])
      return nil
    }
  }

  private func put(_ heads: [Head]) async throws -> Int {
    try await withThrowingTaskGroup(of: Bool.self) { group in
      var restored = 0
      for (index, head) in heads.enumerated() {
        if index >= Self.concurrencyMax, try await group.next() == true { restored += 1 }
        group.addTask {
          if try await catalog.object(head.name)?.head.blob == head.object.head.blob { return false }
          let outcome = try await catalog.put(head.object, as: head.name, if: head.condition)
          guard case .committed = outcome else { return false }
          return true
        }
      }
      for try await isNew in group where isNew { restored += 1 }
      return restored
    }
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
