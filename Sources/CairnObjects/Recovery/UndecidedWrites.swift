internal import CairnModel

/// Conditional writes whose outcome no record tells: their coordinator died before it could say whether they were
/// committed or refused.
///
/// The rule by which a replay decides them, in whatever order it meets the records:
/// 1. The events of a name are its head records, ordered by their versions, and its deletion, ordered by the id of its
///    tombstone.
/// 2. A version that was deleted, or that the catalog has, was committed: a deletion names what it found.
/// 3. A condition is judged by the last event before it. The catalog as it is now never decides, because it may be
///    of any age.
struct UndecidedWrites: Sendable {
  /// Conditional writes, with hashes of their names: memory for each conditional write ever made has to be small.
  private var candidates: [BlobID: Int] = [:]
  /// Hashes of the names whose events are collected.
  private var names: Set<Int>?
  /// Events of those names: head records that are neither deleted nor garbage.
  private(set) var heads: [ObjectName: [ReplayedHead]] = [:]

  /// Notes a conditional write, before all tombstones are known.
  mutating func note(_ version: BlobID, of name: ObjectName) {
    candidates[version] = name.hashValue
  }

  /// Collects a head record that counts, if the outcome of a conditional write may depend on it. All tombstones are
  /// known now.
  mutating func collect(_ head: ReplayedHead, _ tombstones: ReplayedTombstones) {
    let undecided = names ?? Set(candidates.filter { !tombstones.isCommitted($0.key) }.values)
    if names == nil {
      names = undecided
      candidates = [:]
    }
    // One that was written since the tombstones were read is judged like the others.
    guard head.condition != .always || !undecided.isEmpty && undecided.contains(head.name.hashValue) else { return }
    heads[head.name, default: []].append(head)
  }

  /// The conditional write that is the current version of a name; nil where that is something else.
  ///
  /// - Parameters:
  ///   - heads: of the name, as they were collected.
  ///   - deletion: the newest one.
  ///   - known: the version that the catalog has, of whatever age it is.
  static func survivor(
    among heads: [ReplayedHead], deletion: ReplayedTombstones.Deletion?, known: BlobID?
  ) -> ReplayedHead? {
    var events = heads.map { Event(order: $0.object.head.blob, head: $0) }
    let versions = Set(heads.map(\.object.head.blob))
    let committed = Set([known, deletion?.upTo].compactMap { $0 })
    events += committed.subtracting(versions).map { Event(order: $0) }
    if let deletion { events.append(Event(order: deletion.tombstone, deletes: deletion.upTo)) }
    var current: Event?
    for event in events.sorted(by: { $0.order < $1.order }) {
      if let upTo = event.deletes {
        if let version = current?.order, version <= upTo { current = nil }
      } else if committed.contains(event.order) || event.holds(after: current?.order) {
        current = event
      }
    }
    guard let head = current?.head, head.condition != .always else { return nil }
    return head
  }

  /// Something that happened to a name.
  private struct Event {
    var order: BlobID
    /// Nil for a version of which only this is known, and for a deletion.
    var head: ReplayedHead?
    /// The newest version that a deletion removes.
    var deletes: BlobID?

    func holds(after current: BlobID?) -> Bool {
      switch head?.condition {
      case .always, nil: true
      case .absent: current == nil
      case .version(let expected): current == expected
      }
    }
  }
}
