internal import CairnModel
internal import Synchronization

/// Finds the records that some replicas of a volume lack, while the replicas are read one after the other.
///
/// It remembers each head and tombstone of a volume whose replicas differ, some 50 bytes, until the volume is read.
final class DividedRecords: Sendable {
  /// A record that is not on all replicas that should have it.
  struct Incomplete: Hashable, Sendable {
    var blob: BlobID
    var holders: [NodeID]
    var lacking: [NodeID]
  }

  private struct State {
    /// Of each record the groups that have it, as bits.
    var holders: [VolumeID: [BlobID: UInt64]] = [:]
    var incomplete: [VolumeID: [Incomplete]] = [:]
  }

  private let readings: [VolumeID: ReplicaReading]
  private let since: Timestamp?
  private let state = Mutex(State())

  /// - Parameter since: where the reading began. Older records may have been read of one replica and not of another.
  init(_ readings: [VolumeID: ReplicaReading], since: Timestamp?) {
    self.readings = readings
    self.since = since
  }

  /// Of each volume, in order of the ids.
  var incomplete: [VolumeID: [Incomplete]] { state.withLock { $0.incomplete } }

  func note(_ records: [EncodedRecord], in volume: VolumeID, of group: Int) {
    guard readings[volume]?.isDivided == true else { return }
    state.withLock { state in
      for record in records {
        if let since, record.header.blob.createdAt < since { continue }
        state.holders[volume, default: [:]][record.header.blob, default: 0] |= Self.bit(group)
      }
    }
  }

  /// The volume was read.
  ///
  /// - Parameter unread: the groups that were not read to their ends, so that nobody knows what they lack.
  func finish(_ volume: VolumeID, without unread: Set<Int>) {
    guard let reading = readings[volume], reading.isDivided else { return }
    let needed = reading.groups.enumerated()
      .filter { !unread.contains($0.offset) && !reading.complete.isDisjoint(with: $0.element) }
      .reduce(UInt64(0)) { $0 | Self.bit($1.offset) }
    state.withLock { state in
      let found = (state.holders.removeValue(forKey: volume) ?? [:]).filter { $0.value & needed != needed }
      guard !found.isEmpty else { return }
      state.incomplete[volume] = found.sorted { $0.key < $1.key }.map { blob, holders in
        let groups = reading.groups.enumerated()
        return Incomplete(
          blob: blob,
          holders: groups.filter { holders & Self.bit($0.offset) != 0 }.flatMap(\.element),
          lacking: groups.filter { (needed & ~holders) & Self.bit($0.offset) != 0 }.flatMap(\.element)
            .filter(reading.complete.contains))
      }
    }
  }

  /// Nothing for more groups than there are bits: what they lack is left to repairs.
  private static func bit(_ group: Int) -> UInt64 { 1 << group }
}
