internal import CairnModel

/// When the volumes that lack replicas are sealed, so that they can be copied.
///
/// Soon, because until then too few disks hold what is in them; and not too often, because each makes a file on every
/// one of its nodes for good. Not before there is a node for another replica. Pure: the time comes in.
struct CopySchedule {
  typealias Instant = ContinuousClock.Instant

  /// A volume waits so long after its first record for others that come with it.
  static let delay: Duration = .seconds(1)
  /// Between small volumes of one node: at most so many a day come of a steady trickle, 4320.
  static let interval: Duration = .seconds(20)
  /// Bytes of records from which a volume is worth its files, and is sealed after ``delay`` whatever came before.
  static let size = 64 << 20

  private struct Growing {
    var volume: Volume
    var since: Instant
    var bytes: Int
  }

  private var growing: [VolumeID: Growing] = [:]
  /// When a volume that began on the node was due last.
  private var lastDue: [NodeID: Instant] = [:]
  /// Sealed, and nobody was asked for their copies yet.
  private(set) var sealed: [VolumeID: Volume] = [:]

  /// - Parameter bytes: of a record that is durable in `volume` now.
  mutating func appended(_ bytes: Int, to volume: Volume, at now: Instant) {
    growing[volume.id, default: Growing(volume: volume, since: now, bytes: 0)].bytes += bytes
  }

  /// A volume takes no more records, whatever the reason.
  mutating func sealed(_ volume: Volume) {
    growing[volume.id] = nil
    sealed[volume.id] = volume
  }

  /// The volumes that are to be sealed now.
  ///
  /// - Parameter targets: nodes that can take a replica.
  mutating func due(at now: Instant, among targets: Set<NodeID>) -> [Volume] {
    lastDue = lastDue.filter { now - $0.value < Self.interval }
    let due = growing.values.filter { entry in
      guard now - entry.since >= Self.delay, !targets.isSubset(of: entry.volume.nodes) else { return false }
      return entry.bytes >= Self.size || !entry.volume.nodes.contains { lastDue[$0] != nil }
    }
    for node in due.flatMap(\.volume.nodes) { lastDue[node] = now }
    return due.map(\.volume)
  }

  /// All that have got records.
  var all: [Volume] { growing.values.map(\.volume) }

  /// Hands out the volumes that are sealed and can be copied.
  ///
  /// - Parameter targets: nodes that can take a replica.
  mutating func takeSealed(among targets: Set<NodeID>) -> [Volume] {
    guard !sealed.isEmpty else { return [] }
    let ready = sealed.values.filter { !targets.isSubset(of: $0.nodes) }.sorted { $0.id < $1.id }
    for volume in ready { sealed[volume.id] = nil }
    return ready
  }
}
