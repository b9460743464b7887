package import CairnModel

/// Everything that a cluster shares. Each part is declared for the code that uses it; one store implements all.
package typealias Catalog = ObjectCatalog & UploadCatalog & VolumeCatalog & NodeRegistry & ReplayMarks & RepairQueue
  & CatalogEpochs & CatalogIndices

/// The map from names to objects. Each change is one atomic step, and the moment at which a write takes effect.
///
/// Versions of a name never go back: a write whose version is not greater than every version that the name had is
/// refused as ``PutOutcome/stale(newest:)``. So the order of versions in the head records on the nodes is always the
/// order of the commits, and the catalog can be rebuilt from them. Deleted names are remembered for
/// ``CatalogLimits/deletionMemory`` for the same reason.
///
/// ``CatalogError/unavailable(_:)`` leaves open whether a change was made. Asking again with the same versions is safe
/// and gives the answer that was lost, as ``put(_:as:if:)`` and ``delete(_:version:tombstone:)`` say.
package protocol ObjectCatalog: Sendable {
  /// The current version of `name`, nil where there is none. O(log n).
  func object(_ name: ObjectName) async throws(CatalogError) -> StoredObject?

  /// The object of `bucket` whose current version is `version`.
  func object(version: BlobID, in bucket: BucketName) async throws(CatalogError) -> (ObjectKey, StoredObject)?

  /// Makes `object` the current version of `name`, if `condition` holds. The answer comes when it has been committed.
  ///
  /// The condition is checked before the order of versions: `conditionFailed` is final, `stale` may be overcome with a
  /// greater version. Where the current version is that of `object` already, the answer is `committed(replaced: nil)`
  /// whatever the condition: what the lost answer said was replaced is not known any more, and is left to the scrub. So is
  /// what an entry that is damaged named: a write without a condition replaces it, any other is
  /// ``CatalogError/damaged(_:)``.
  /// A retry that another write has overtaken meanwhile can't be told from one that never took effect: it is `stale`
  /// or fails its condition.
  func put(_ object: StoredObject, as name: ObjectName, if condition: WriteCondition) async throws(CatalogError)
    -> PutOutcome

  /// Records where the head record of `object` is, if that is the current version of `name`. A replay may have recorded
  /// another place before.
  ///
  /// - Returns: false where another version is current, or none; then nothing is changed.
  func relocate(_ object: StoredObject, as name: ObjectName) async throws(CatalogError) -> Bool

  /// Removes `name` if its current version is exactly `version`.
  ///
  /// Where `tombstone` has deleted it already, the answer is the same `deleted` again, for
  /// ``CatalogLimits/deletionMemory``, also if the name was put anew since, which is left alone.
  ///
  /// - Parameter tombstone: the version of the deletion itself; later versions of the name must be greater.
  func delete(_ name: ObjectName, version: BlobID, tombstone: BlobID) async throws(CatalogError) -> DeleteOutcome

  /// A page of names in bytewise order. O(page), however large the bucket and however many names a prefix hides.
  func list(_ bucket: BucketName, _ query: ListQuery) async throws(CatalogError) -> ListPage
}

/// The map from volumes to nodes.
package protocol VolumeCatalog: Sendable {
  func volume(_ id: VolumeID) async throws(CatalogError) -> Volume?

  /// Adds a volume that is open. Adding one that is there already changes nothing.
  func add(_ volume: Volume) async throws(CatalogError)

  /// Seals a volume; false when it was sealed before or is unknown. Several coordinators may try at once.
  @discardableResult
  func seal(_ id: VolumeID) async throws(CatalogError) -> Bool

  func openVolumes() async throws(CatalogError) -> [Volume]

  /// Makes `nodes` the nodes of a volume, if they are exactly `expected`, in the same order; false where they are not,
  /// or where the volume is unknown. Of several that replace the same list, one does.
  ///
  /// After ``CatalogError/unavailable(_:)`` ask ``volume(_:)``: a second try of one that was done gives false.
  func replaceNodes(
    of id: VolumeID, expecting expected: [NodeID], with nodes: [NodeID]
  ) async throws(CatalogError) -> Bool

  /// Forgets a volume that no blob is in any more, and its replay mark, if its nodes are exactly `expected`; false
  /// where they are not, or where the volume is unknown. Whether it is empty the caller must know.
  func remove(_ id: VolumeID, expecting expected: [NodeID]) async throws(CatalogError) -> Bool

  /// Up to `limit` volumes with an id greater than `start`, in order of their ids.
  func volumes(after start: VolumeID?, limit: Int) async throws(CatalogError) -> [Volume]
}

/// The map from nodes to liveness. All times are the catalog's own clock's (Redis's `TIME`).
package protocol NodeRegistry: Sendable {
  /// Records a heartbeat, stamped by the catalog.
  ///
  /// Refuses it when the id belongs to another incarnation whose heartbeat is younger than `timeout`, unless
  /// `takeOver` says that the other was found dead.
  func heartbeat(_ report: NodeReport, timeout: Duration, takeOver: Bool) async throws(CatalogError) -> HeartbeatOutcome

  /// Forgets the liveness of a node that stops in order, so that nothing is sent to it any more. It stays known.
  func leave(_ node: NodeID, incarnation: UInt64) async throws(CatalogError)

  /// Says that `node` is to be emptied, or no longer: a wish of the operator's, which no heartbeat changes.
  ///
  /// - Returns: false where the node is unknown; then nothing is changed.
  @discardableResult
  func setDraining(_ node: NodeID, _ isDraining: Bool) async throws(CatalogError) -> Bool

  /// Removes all that is known of a node that is gone for good; false where nothing is. One that lives after all is
  /// new with its next heartbeat.
  @discardableResult
  func forget(_ node: NodeID) async throws(CatalogError) -> Bool

  /// Every node that was ever seen and not forgotten, in order of their ids.
  func nodes() async throws(CatalogError) -> [RegisteredNode]

  /// Answers when the catalog does: `/ready` asks.
  func ping() async throws(CatalogError)
}

/// How far into each volume's log the catalog is known to hold every head record and tombstone.
package protocol ReplayMarks: Sendable {
  /// Byte offsets; a volume that is not there must be replayed from its start.
  func replayMarks() async throws(CatalogError) -> [VolumeID: UInt64]

  /// Moves marks, and makes all that was committed before durable where the catalog doesn't sync each commit.
  func setReplayMarks(_ marks: [VolumeID: UInt64]) async throws(CatalogError)
}

package enum CatalogLimits {
  /// For so long a deleted name remembers the version that its next one must exceed: longer than any upload may
  /// wait between getting its version and committing it.
  package static let deletionMemory: Duration = .seconds(3600)
  /// Names in one page of a list at most.
  package static let pageLengthMax = 1000
  /// What ``RegisteredNode/ageMilliseconds`` says of a node that left in order: longer than any time-out (34 years).
  package static let departedAgeMilliseconds: UInt64 = 1 << 40
}

package enum PutOutcome: Hashable, Sendable {
  /// Done. What was there before is garbage now.
  case committed(replaced: StoredObject?)
  /// The name has, or had, the version `newest`, which is not less than the one that was to be put.
  case stale(newest: BlobID)
  case conditionFailed(current: StoredObject?)
}

package enum DeleteOutcome: Hashable, Sendable {
  case deleted(StoredObject)
  case absent
  /// The name has another version than the one that was to be deleted.
  case changed(current: StoredObject)
}

package enum HeartbeatOutcome: Hashable, Sendable {
  case accepted
  /// Another process with the same node id is alive.
  case duplicate(of: RegisteredNode)
}

/// Which names to list.
package struct ListQuery: Hashable, Sendable {
  /// Only names that start with this text.
  package var prefix: String
  /// Names that have this text after the prefix are rolled up into one common prefix, which ends with it.
  package var delimiter: String?
  /// Only names, and common prefixes, that are greater than this text.
  package var startAfter: String?
  /// Names and common prefixes together, 1 to ``CatalogLimits/pageLengthMax``.
  package var limit: Int

  package init(prefix: String = "", delimiter: String? = nil, startAfter: String? = nil, limit: Int) {
    self.prefix = prefix
    self.delimiter = delimiter
    self.startAfter = startAfter
    self.limit = limit
  }
}

package struct ListPage: Hashable, Sendable {
  package struct Entry: Hashable, Sendable {
    package var key: ObjectKey
    package var object: StoredObject

    package init(key: ObjectKey, object: StoredObject) {
      self.key = key
      self.object = object
    }
  }

  package var entries: [Entry]
  package var prefixes: [String]
  /// What to start after for the next page, nil when this one is the last.
  package var nextStartAfter: String?

  package init(entries: [Entry], prefixes: [String], nextStartAfter: String?) {
    self.entries = entries
    self.prefixes = prefixes
    self.nextStartAfter = nextStartAfter
  }
}

/// Why the catalog could not do what was asked.
package enum CatalogError: Error, CustomStringConvertible {
  /// It can't be reached now; trying again later may help. The text says where and why.
  case unavailable(String)
  /// Its store has no room for what was to be kept there. Nothing was changed. The text says where, and what helps.
  case full(String)
  /// Its entry of a name is not what was put there. Nothing was changed. The text names it, and says what to do.
  case damaged(String)
  /// It holds something that this version of Cairn doesn't understand.
  case format(FormatError)
  /// It answered with an error.
  case failed(String)

  /// Whether nothing was changed, for sure.
  package var leavesNoDoubt: Bool {
    switch self {
    case .full, .damaged: true
    case .unavailable, .format, .failed: false
    }
  }

  package var description: String {
    switch self {
    case .unavailable(let reason): "catalog unavailable: \(reason)"
    case .full(let reason): "catalog full: \(reason)"
    case .damaged(let reason): "catalog: \(reason)"
    case .format(let error): "catalog: \(error)"
    case .failed(let reason): "catalog failed: \(reason)"
    }
  }
}
