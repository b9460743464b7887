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
    let ends = log.ends()
    let tails = ends.filter { $0.value > marks[$0.key] ?? 0 }
    for volume in ends.keys where marks[volume] == nil {
      try await catalog.add(Volume(id: volume, nodes: [node]))
    }
    guard !tails.isEmpty else { return 0 }
    // Tombstones first: they may stand in another volume than what they remove.
    var tombstones = Tombstones()
    for volume in tails.keys {
      try await readTombstones(volume, from: marks[volume] ?? 0, into: &tombstones)
    }
    var restored = 0
    var conditional: [Head] = []
    for volume in tails.keys.sorted() {
      let heads = try await readHeads(volume, from: marks[volume] ?? 0).filter { !tombstones.cover($0) }
      restored += try await put(heads.filter { $0.condition == .always })
      conditional += heads.filter { $0.condition != .always }
    }
    // A condition can be judged only when every older version is there.
    for head in conditional.sorted(by: { $0.object.head.blob < $1.object.head.blob }) {
      restored += try await put([head])
    }
    for (name, deletion) in tombstones.deletions {
      if let current = try await catalog.object(name), current.head.blob <= deletion.upTo {
        _ = try await catalog.delete(name, version: current.head.blob, tombstone: deletion.tombstone)
      }
    }
    try await catalog.setReplayMarks(ends)
    logger.info(
      "catalog replayed",
      metadata: ["volumes": "\(tails.count)", "restored": "\(restored)", "deletions": "\(tombstones.deletions.count)"])
    return restored
  }

  private func readTombstones(
    _ volume: VolumeID, from offset: UInt64, into tombstones: inout Tombstones
  ) async throws {
    let found = try await read(.tombstone, in: volume, from: offset) { (record) throws(FormatError) in
      (record.header.blob, try Tombstone(metadata: record.record.metadata))
    }
    for (id, tombstone) in found {
      tombstones.garbage.formUnion(tombstone.garbage)
      guard let deleted = tombstone.object else { continue }
      if let known = tombstones.deletions[deleted.name], known.upTo >= deleted.upTo { continue }
      tombstones.deletions[deleted.name] = (deleted.upTo, id)
    }
  }

  private func readHeads(_ volume: VolumeID, from offset: UInt64) async throws -> [Head] {
    try await read(.head, in: volume, from: offset) { (record) throws(FormatError) in
      let head = try HeadRecord(metadata: record.record.metadata)
      let object = StoredObject(
        head: BlobLocation(volume: volume, blob: record.header.blob), attributes: head.attributes)
      return Head(name: head.name, object: object, condition: head.condition)
    }
  }

  /// What `decode` makes of each record of one kind. Records that it does not understand are left out, and told.
  private func read<Value: Sendable>(
    _ kind: Record.Kind, in volume: VolumeID, from offset: UInt64,
    _ decode: @escaping @Sendable (EncodedRecord) throws(FormatError) -> Value
  ) async throws -> [Value] {
    let found = Mutex<[Value]>([])
    try await log.records(in: volume, from: offset) { [ids, logger] record in
      ids.observe(record.header.blob)
      guard record.header.kind == kind else { return }
      do throws(FormatError) {
        let value = try decode(record)
        found.withLock { $0.append(value) }
      } catch {
        logger.error(
          "record not understood",
          metadata: ["volume": "\(volume)", "blob": "\(record.header.blob)", "error": "\(error)"])
      }
    }
    return found.withLock { $0 }
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
      let ends = log.ends()
      if ends != last, await mark(ends) { last = ends }
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
