internal import CairnCatalog
internal import CairnModel
internal import Logging
internal import Synchronization

/// A head record, read as what it says of the catalog.
struct ReplayedHead: Sendable {
  var name: ObjectName
  var object: StoredObject
  var condition: WriteCondition
}

/// What tombstones say. All of them have to be known before the first head record counts: they may stand in another
/// volume than what they remove. So they are the one thing that is kept in memory whole.
struct ReplayedTombstones: Sendable {
  /// The newest version of a name that is gone, and the id of the tombstone that says so.
  typealias Deletion = (upTo: BlobID, tombstone: BlobID)

  /// Names that were deleted.
  private(set) var deletions: [ObjectName: Deletion] = [:]
  /// Blobs that nothing refers to. A blob with the same id in another volume is not meant.
  private var garbage: Set<BlobLocation> = []
  /// Conditional writes that took effect.
  private var committed: Set<BlobID> = []

  mutating func add(_ tombstone: Tombstone, id: BlobID) {
    garbage.formUnion(tombstone.garbage)
    committed.formUnion(tombstone.committed)
    guard let deleted = tombstone.object else { return }
    // Of two tombstones for one version the older one removed it, or might have.
    if let known = deletions[deleted.name], (known.upTo, id) >= (deleted.upTo, known.tombstone) { return }
    deletions[deleted.name] = (deleted.upTo, id)
  }

  func isCommitted(_ version: BlobID) -> Bool { committed.contains(version) }

  func isGarbage(_ location: BlobLocation) -> Bool { garbage.contains(location) }

  /// Whether a version was written before its name was deleted, by a tombstone that doesn't name it: who deleted saw an
  /// older version, so this one was not committed yet.
  func isOvertaken(_ version: BlobID, of name: ObjectName) -> Bool {
    guard !committed.contains(version), let deletion = deletions[name] else { return false }
    return deletion.upTo < version && version < deletion.tombstone
  }

  /// What is left of a head: nil when it is garbage or deleted; without its condition when that is known to have held.
  func live(_ head: ReplayedHead) -> ReplayedHead? {
    if garbage.contains(head.object.head) { return nil }
    let version = head.object.head.blob
    if let deletion = deletions[head.name], version <= deletion.upTo { return nil }
    var head = head
    if committed.contains(version) { head.condition = .always }
    return head
  }
}

/// Understands records, batch by batch.
struct RecordInterpreter: Sendable {
  /// Is lifted above every version that is seen.
  let ids: BlobIDGenerator
  let logger: Logger

  /// Names and versions of the conditional writes.
  func conditionalWrites(among records: [EncodedRecord]) -> [(ObjectName, BlobID)] {
    records.compactMap { record in
      guard record.header.kind == .head, HeadRecord.isConditional(metadata: record.record.metadata),
        let head = understood(record, { () throws(FormatError) in try HeadRecord(metadata: record.record.metadata) })
      else { return nil }
      return (head.name, record.header.blob)
    }
  }

  func heads(among records: [EncodedRecord], in volume: VolumeID) -> [ReplayedHead] {
    records.compactMap { record in
      ids.observe(record.header.blob)
      guard record.header.kind == .head,
        let head = understood(record, { () throws(FormatError) in try HeadRecord(metadata: record.record.metadata) })
      else { return nil }
      let object = StoredObject(
        head: BlobLocation(volume: volume, blob: record.header.blob), attributes: head.attributes)
      return ReplayedHead(name: head.name, object: object, condition: head.condition)
    }
  }

  func tombstones(among records: [EncodedRecord]) -> [(Tombstone, BlobID)] {
    records.compactMap { record in
      guard record.header.kind == .tombstone else { return nil }
      return understood(record, { () throws(FormatError) in try Tombstone(metadata: record.record.metadata) })
        .map { ($0, record.header.blob) }
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
}

/// Puts what records say into a catalog: first all tombstones, then all head records, then ``finish()``.
///
/// In whatever order the records come, and however often: the order of versions is the order of the commits, and the
/// catalog refuses the older ones. ``UndecidedWrites`` has the rule for conditional writes of unknown outcome.
final class RecordReplay: Sendable {
  /// Puts under way at the same time: they share commits.
  private static let concurrencyMax = 64

  private let catalog: any ObjectCatalog
  private let interpreter: RecordInterpreter
  private let tombstones = Mutex(ReplayedTombstones())
  private let undecided = Mutex(UndecidedWrites())

  init(catalog: any ObjectCatalog, ids: BlobIDGenerator, logger: Logger) {
    self.catalog = catalog
    interpreter = RecordInterpreter(ids: ids, logger: logger)
  }

  var deletionCount: Int { tombstones.withLock { $0.deletions.count } }

  func takeTombstones(among records: [EncodedRecord]) {
    let conditional = interpreter.conditionalWrites(among: records)
    if !conditional.isEmpty {
      undecided.withLock { undecided in
        for (name, version) in conditional { undecided.note(version, of: name) }
      }
    }
    let found = interpreter.tombstones(among: records)
    guard !found.isEmpty else { return }
    tombstones.withLock { tombstones in
      for (tombstone, id) in found { tombstones.add(tombstone, id: id) }
    }
  }

  /// What becomes of a record that not all replicas have, as far as it is a head: all tombstones are known.
  enum Standing {
    case live
    /// A tombstone covers it.
    case garbage
    /// Its name was deleted since, when it was not committed yet.
    case overtaken(ObjectName)
  }

  func isGarbage(_ location: BlobLocation) -> Bool { tombstones.withLock { $0.isGarbage(location) } }

  func standing(of record: EncodedRecord, in volume: VolumeID) -> Standing {
    guard record.header.kind == .head else { return .live }
    guard let head = interpreter.heads(among: [record], in: volume).first else { return .live }
    return tombstones.withLock { tombstones in
      if tombstones.live(head) == nil { return .garbage }
      return tombstones.isOvertaken(head.object.head.blob, of: head.name) ? .overtaken(head.name) : .live
    }
  }

  /// - Returns: how many objects the catalog did not know.
  func takeHeads(among records: [EncodedRecord], in volume: VolumeID) async throws -> Int {
    let heads = interpreter.heads(among: records, in: volume)
    let live = tombstones.withLock { heads.compactMap($0.live) }
    undecided.withLock { undecided in
      tombstones.withLock { tombstones in live.forEach { undecided.collect($0, tombstones) } }
    }
    return try await put(live.filter { $0.condition == .always })
  }

  /// Puts the conditional writes that took effect although no record says so, and removes what was deleted.
  ///
  /// - Returns: how many objects the catalog did not know, and how many it should not have known any more.
  func finish() async throws -> (restored: Int, removed: Int) {
    var (restored, removed) = (0, 0)
    let deletions = tombstones.withLock { $0.deletions }
    for (name, heads) in undecided.withLock({ $0.heads }) {
      let known = try await catalog.readableObject(name)?.head.blob
      guard var head = UndecidedWrites.survivor(among: heads, deletion: deletions[name], known: known) else { continue }
      // It was judged: the catalog, which still has what was deleted before, would judge otherwise.
      head.condition = .always
      restored += try await put([head])
    }
    for (name, deletion) in deletions {
      guard let current = try await catalog.readableObject(name), current.head.blob <= deletion.upTo else { continue }
      _ = try await catalog.delete(name, version: current.head.blob, tombstone: deletion.tombstone)
      removed += 1
    }
    return (restored, removed)
  }

  private func put(_ heads: [ReplayedHead]) async throws -> Int {
    try await withThrowingTaskGroup(of: Bool.self) { group in
      var restored = 0
      for (index, head) in heads.enumerated() {
        if index >= Self.concurrencyMax, try await group.next() == true { restored += 1 }
        group.addTask { [catalog] in
          if try await catalog.readableObject(head.name)?.head.blob == head.object.head.blob { return false }
          do throws(CatalogError) {
            let outcome = try await catalog.put(head.object, as: head.name, if: head.condition)
            guard case .committed = outcome else { return false }
            return true
          } catch {
            // Of a newer version, as far as anybody can tell.
            guard case .damaged = error else { throw error }
            return false
          }
        }
      }
      for try await isNew in group where isNew { restored += 1 }
      return restored
    }
  }
}

extension ObjectCatalog {
  /// The current version of `name`, as a damaged entry does not tell it: nil for that too.
  func readableObject(_ name: ObjectName) async throws(CatalogError) -> StoredObject? {
    do throws(CatalogError) { return try await object(name) } catch {
      guard case .damaged = error else { throw error }
      return nil
    }
  }

  /// A page of names; nil where an entry of it is damaged.
  func readablePage(of bucket: BucketName, _ query: ListQuery) async throws(CatalogError) -> ListPage? {
    do throws(CatalogError) { return try await list(bucket, query) } catch {
      guard case .damaged = error else { throw error }
      return nil
    }
  }
}
