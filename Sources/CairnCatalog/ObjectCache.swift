internal import CairnModel
internal import Synchronization

/// The objects read last, in memory, so that a lookup of one of them neither waits nor changes threads.
///
/// It answers for every name whose change is not yet committed: those are never evicted. So it never says anything
/// older than what a finished change gave a name. A reader that fetched a name itself offers it with the ticket it
/// drew before, which is void when a change of the name, or any commit, came in between.
final class ObjectCache: Sendable {
  struct Ticket {
    fileprivate let shard: Int
    fileprivate let commits: UInt64
  }

  private let shards: [Shard]
  private let uncommittedCount = Atomic(0)

  /// `Mutex` itself can't be in an array.
  private final class Shard: Sendable {
    let state: Mutex<ObjectCacheShard>
    init(capacity: Int) { state = Mutex(ObjectCacheShard(capacity: capacity)) }
  }

  private static let shardCount = 16

  /// - Parameter capacity: bytes of memory, by estimate; 0 keeps nothing.
  init(capacity: Int) {
    shards = (0..<Self.shardCount).map { _ in Shard(capacity: capacity / Self.shardCount) }
  }

  /// What the name is now, `.some(nil)` where it was deleted; nil where the cache doesn't know. O(1).
  func object(_ name: ObjectName) -> StoredObject?? {
    let hash = name.hashValue
    return shards[shard(of: hash)].state.withLock { $0.object(name, hash) }
  }

  /// To be drawn before the catalog is read for `name`.
  func ticket(for name: ObjectName) -> Ticket {
    let index = shard(of: name.hashValue)
    return Ticket(shard: index, commits: shards[index].state.withLock { $0.commits })
  }

  /// Keeps what was read from the catalog after `ticket` was drawn, unless it may be out of date.
  func fill(_ name: ObjectName, with object: StoredObject, ticket: Ticket) {
    let hash = name.hashValue
    shards[ticket.shard].state.withLock { shard in
      guard shard.commits == ticket.commits, shard.uncommitted[name] == nil else { return }
      shard.insert(name, hash, object)
    }
  }

  /// Whether the file behind the cache lacks something that the cache knows.
  var hasUncommitted: Bool { uncommittedCount.load(ordering: .acquiring) > 0 }

  /// The changes take effect: from now on the cache answers for these names, until they are committed.
  ///
  /// - Parameter changes: in their order: of several for a name the last one counts.
  func publish(_ changes: [(name: ObjectName, object: StoredObject?)]) {
    uncommittedCount.add(changes.count, ordering: .acquiringAndReleasing)
    for (name, object) in changes {
      let hash = name.hashValue
      shards[shard(of: hash)].state.withLock { shard in
        shard.remove(hash)
        shard.uncommitted.updateValue(object, forKey: name)
      }
    }
  }

  /// All that was published is in the file. None of it is kept: most of what is written is not read soon, and keeping it
  /// costs more than all else that the cache does for a write.
  func didCommit() {
    for shard in shards {
      shard.state.withLock { shard in
        guard !shard.uncommitted.isEmpty else { return }
        shard.commits += 1
        shard.uncommitted.removeAll(keepingCapacity: true)
      }
    }
    uncommittedCount.store(0, ordering: .releasing)
  }

  private func shard(of hash: Int) -> Int {
    Int(UInt(bitPattern: hash) >> (UInt.bitWidth - Self.shardCount.trailingZeroBitCount))
  }
}

/// A part of the cache: a dictionary and, through its nodes, a list from the newest use to the oldest.
///
/// The dictionary goes by the hash of a name, so that names are hashed once a call. Of two names with the same hash
/// only one is kept, which a cache may do.
struct ObjectCacheShard {
  /// Commits that changed a name of this shard.
  var commits: UInt64 = 0
  /// What names are whose changes are not committed; nil where they were deleted.
  var uncommitted: [ObjectName: StoredObject?] = [:]

  private struct Node {
    var name: ObjectName
    var hash: Int
    var object: StoredObject
    var cost: Int
    var newer: Int
    var older: Int
  }

  private let capacity: Int
  private var cost = 0
  private var slots: [Int: Int] = [:]
  private var nodes: [Node] = []
  private var free: [Int] = []
  private var newest = Self.none
  private var oldest = Self.none

  private static let none = -1

  init(capacity: Int) {
    self.capacity = capacity
  }

  mutating func object(_ name: ObjectName, _ hash: Int) -> StoredObject?? {
    if !uncommitted.isEmpty, let known = uncommitted[name] { return .some(known) }
    guard let slot = slots[hash], nodes[slot].name == name else { return nil }
    if slot != newest {
      unlink(slot)
      link(slot)
    }
    return nodes[slot].object
  }

  mutating func insert(_ name: ObjectName, _ hash: Int, _ object: StoredObject) {
    remove(hash)
    let node = Node(
      name: name, hash: hash, object: object, cost: Self.cost(name, object), newer: Self.none, older: Self.none)
    guard node.cost <= capacity else { return }
    while cost + node.cost > capacity { remove(nodes[oldest].hash) }
    let slot: Int
    if let reused = free.popLast() {
      slot = reused
      nodes[slot] = node
    } else {
      slot = nodes.count
      nodes.append(node)
    }
    slots[hash] = slot
    cost += node.cost
    link(slot)
  }

  mutating func remove(_ hash: Int) {
    guard let slot = slots.removeValue(forKey: hash) else { return }
    cost -= nodes[slot].cost
    unlink(slot)
    free.append(slot)
  }

  private mutating func link(_ slot: Int) {
    nodes[slot].newer = Self.none
    nodes[slot].older = newest
    if newest != Self.none { nodes[newest].newer = slot }
    newest = slot
    if oldest == Self.none { oldest = slot }
  }

  private mutating func unlink(_ slot: Int) {
    let node = nodes[slot]
    if node.newer != Self.none { nodes[node.newer].older = node.older } else { newest = node.older }
    if node.older != Self.none { nodes[node.older].newer = node.newer } else { oldest = node.newer }
  }

  /// Bytes of a node, two dictionary slots and two digests, with what the allocator adds.
  private static let fixedCost = 640

  private static func cost(_ name: ObjectName, _ object: StoredObject) -> Int {
    let attributes = object.attributes
    let texts =
      name.key.text.utf8.count + attributes.contentType.utf8.count
      + (attributes.originalFilename?.utf8.count ?? 0)
    return fixedCost + texts + attributes.unknown.reduce(0) { $0 + 48 + $1.value.count }
  }
}
