internal import CairnCluster
internal import CairnModel
internal import CairnNodeClient
internal import Logging
internal import Synchronization

/// Copies a sealed volume to a node that shall hold a replica: whole, in the order of a source's log, each record
/// verified on arrival.
///
/// Garbage is left behind. What a source lacks or has damaged comes from the others. The copy stays open on its target
/// until it is complete, so that a part of a replica is never taken for a whole one; a copy that broke off goes on.
struct VolumeCopy: Sendable {
  /// Appends under way at the same time: they share syncs on the target.
  private static let appendsMax = 32

  let volume: VolumeID
  let sources: [any StorageNode & RecordLog]
  let target: any StorageNode
  let limit: BandwidthLimit
  let logger: Logger
  /// Told of bytes done and in all.
  let progress: @Sendable (UInt64, UInt64) async -> Void

  private struct Missing {
    var blobs: Set<BlobID>
    var bytesDone: UInt64 = 0
  }

  /// Returns when the target has every live record of the sources, durably, and has sealed the volume.
  func run() async throws {
    let wanted = try await liveBlobs()
    let missing = Mutex(Missing(blobs: try await prepareTarget(for: wanted)))
    let size = try await sources.first?.volumes().first { $0.id == volume }?.liveBytes ?? 0
    for source in sources where !missing.withLock({ $0.blobs.isEmpty }) {
      do {
        try await source.records(in: volume, from: .offset(0), headsAndTombstonesOnly: false) { records in
          let needed = records.filter { record in missing.withLock { $0.blobs.contains(record.header.blob) } }
          try await append(needed)
          let done = missing.withLock { missing in
            missing.blobs.subtract(needed.map(\.header.blob))
            missing.bytesDone += needed.reduce(0) { $0 + UInt64($1.header.paddedLength) }
            return missing.bytesDone
          }
          await progress(done, max(size, done))
        }
      } catch let error as NodeError {
        // Another source goes on where this one failed; a failing target fails there too.
        if source.id == sources.last?.id || error.node == target.id { throw error }
      }
    }
    let left = missing.withLock { $0.blobs.count }
    guard left == 0 else { throw RepairError.damaged(volume, count: left) }
    try await giveLacking(of: wanted)
    try await target.seal(volume)
  }

  /// What the target took and does not list is damaged there, or garbage that the sources were not told of: the one is
  /// restored, the other is no reason to doubt the copy.
  private func giveLacking(of wanted: Set<BlobID>) async throws {
    let lacking = wanted.subtracting(try await target.blobs(in: volume).map(\.blob))
    let lost = try await RecordTransfer(volume: volume, limit: limit, logger: logger)
      .give(lacking.sorted(), from: sources, to: target)
    guard lost == 0 else { throw RepairError.damaged(volume, count: lost) }
  }

  /// What any source has: a record that one of them lacks may be damaged there.
  private func liveBlobs() async throws -> Set<BlobID> {
    var blobs: Set<BlobID> = []
    for source in sources { blobs.formUnion(try await source.blobs(in: volume).map(\.blob)) }
    return blobs
  }

  /// Makes the volume on the target, or takes over what an earlier try left there.
  ///
  /// - Returns: what the target lacks.
  private func prepareTarget(for wanted: Set<BlobID>) async throws -> Set<BlobID> {
    let existing = try await target.volumes().first { $0.id == volume }
    guard let existing else {
      try await target.createVolume(volume)
      return wanted
    }
    let missing = wanted.subtracting(try await target.blobs(in: volume).map(\.blob))
    if existing.state == .open, !existing.isFailed { return missing }
    // A whole replica of earlier times is as good as a copy; any other one is in the way.
    if missing.isEmpty { return [] }
    try await target.drop(volume)
    try await target.createVolume(volume)
    return wanted
  }

  private func append(_ records: [EncodedRecord]) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (index, record) in records.enumerated() {
        if index >= Self.appendsMax { try await group.next() }
        try await limit.take(record.header.paddedLength)
        group.addTask { try await target.append(record, to: volume) }
      }
      try await group.waitForAll()
    }
  }
}
