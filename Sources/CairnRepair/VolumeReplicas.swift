internal import CairnModel
internal import CairnNodeClient
internal import Logging

/// The replicas of a volume, as far as the nodes in its list answer, compared and made whole with one another.
struct VolumeReplicas: Sendable {
  let volume: Volume
  let holders: [any StorageNode & RecordLog]
  let limit: BandwidthLimit
  let logger: Logger
  /// Decides about head records that some replicas lack; nil where all are copied.
  var judge: HeadJudge?

  /// Between two looks at an open volume: what is being written meanwhile is soon on all replicas.
  private static let pause: Duration = .seconds(2)

  /// Whether the replicas hold different records, and that of an open volume not only because something is being
  /// written. Reads headers, not payloads.
  ///
  /// What became garbage on one a moment before the other makes them differ as well: ``mend(progress:)`` finds out.
  func differ() async throws -> Bool {
    var digests: Set<ReplicaDigest> = []
    for holder in holders { digests.insert(try await holder.digest(of: volume.id)) }
    guard digests.count > 1, volume.state == .open else { return digests.count > 1 }
    let before = try await partial()
    try await Task.sleep(for: Self.pause)
    return !before.isDisjoint(with: try await partial())
  }

  /// What some replicas have and others lack.
  private func partial() async throws -> Set<BlobID> {
    var held: [BlobID: Int] = [:]
    for holder in holders {
      for blob in try await holder.blobs(in: volume.id) { held[blob.blob, default: 0] += 1 }
    }
    return Set(held.filter { $0.value < holders.count }.keys)
  }

  /// Gives each replica what it lacks or has damaged and another one has, then has damage forgotten that took nothing.
  ///
  /// - Parameter progress: told of bytes done and in all while a replica is copied whole.
  /// - Throws: ``RepairError/damaged(_:count:)`` where no replica has some records; all others are restored then.
  func mend(progress: @escaping @Sendable (UInt64, UInt64) async -> Void) async throws {
    try await shareGarbage()
    var lost = 0
    for holder in holders { lost = max(lost, try await mend(holder, progress)) }
    guard lost == 0 else { throw RepairError.damaged(volume.id, count: lost) }
    if volume.state == .sealed { try await forgetDamage() }
  }

  /// Tells each replica what is garbage on another one: one that was made or away when the others were told would give
  /// it back to them once they have dropped it.
  func shareGarbage() async throws {
    var garbage: [NodeID: Set<BlobID>] = [:]
    for holder in holders where try await summary(on: holder) != nil {
      garbage[holder.id] = Set(try await holder.garbage(in: volume.id))
    }
    let all = garbage.values.reduce(into: Set()) { $0.formUnion($1) }
    for holder in holders {
      guard let own = garbage[holder.id], own.count < all.count else { continue }
      let untold = try await holder.blobs(in: volume.id).map(\.blob).filter { all.contains($0) && !own.contains($0) }
      guard !untold.isEmpty else { continue }
      try await holder.discard(untold, in: volume.id)
      logger.info(
        "replica told of garbage",
        metadata: ["volume": "\(volume.id)", "node": "\(holder.id)", "count": "\(untold.count)"])
    }
  }

  /// - Returns: how many records that it should have nobody has.
  private func mend(
    _ holder: any StorageNode, _ progress: @escaping @Sendable (UInt64, UInt64) async -> Void
  ) async throws -> Int {
    let others = holders.filter { $0.id != holder.id }
    guard let replica = try await summary(on: holder) else {
      // An open volume is sealed by the next write to it, which fails there.
      guard volume.state == .sealed, !others.isEmpty else { return 0 }
      try await VolumeCopy(
        volume: volume.id, sources: others, target: holder, limit: limit, logger: logger, progress: progress
      ).run()
      logger.info("replica made again", metadata: ["volume": "\(volume.id)", "node": "\(holder.id)"])
      return 0
    }
    var transfer = RecordTransfer(volume: volume.id, limit: limit, logger: logger)
    let damaged = Set(try await holder.damaged(in: volume.id))
    var lost = try await transfer.give(damaged.sorted(), from: others, to: holder)
    if volume.state == .sealed {
      transfer.judge = judge
      transfer.isComplete = holders.count == volume.nodes.count
      let missing = try await missing(on: holder, of: others).subtracting(damaged)
      lost += try await transfer.give(missing.sorted(), from: others, to: holder)
    }
    // Its node was away when the others were sealed, or a copy broke off: now it has everything.
    if volume.state == .sealed, replica.state == .open, lost == 0 { try await holder.seal(volume.id) }
    return lost
  }

  /// What others have and `holder` hasn't.
  private func missing(on holder: any StorageNode, of others: [any StorageNode & RecordLog]) async throws -> Set<BlobID>
  {
    let present = Dictionary(
      try await holder.blobs(in: volume.id).map { ($0.blob, $0) }, uniquingKeysWith: { first, _ in first })
    var missing: Set<BlobID> = []
    for other in others {
      // A replica that isn't there has nothing to give, and is made when its turn comes.
      guard try await summary(on: other) != nil else { continue }
      for blob in try await other.blobs(in: volume.id) {
        guard let own = present[blob.blob] else {
          missing.insert(blob.blob)
          continue
        }
        guard own != blob else { continue }
        // Blobs are immutable: nobody can tell which of the two is the right one, so neither is touched.
        logger.error(
          "replicas contradict each other",
          metadata: [
            "volume": "\(volume.id)", "blob": "\(blob.blob)", "nodes": "\(holder.id) \(other.id)",
          ])
      }
    }
    return missing
  }

  /// Damaged ranges of which no one knows whose they were stay known, although all records were restored: where another
  /// replica is intact, what was in them is there or was never acknowledged.
  private func forgetDamage() async throws {
    var damaged: [any StorageNode] = []
    var hasIntact = false
    for holder in holders {
      guard let replica = try await summary(on: holder), replica.state == .sealed, !replica.isFailed else { continue }
      if replica.damagedCount > 0 { damaged.append(holder) } else { hasIntact = true }
    }
    guard hasIntact else { return }
    for holder in damaged {
      try await holder.rewriteWithoutDamage(volume.id)
      logger.info("replica rewritten without damage", metadata: ["volume": "\(volume.id)", "node": "\(holder.id)"])
    }
  }

  private func summary(on holder: any StorageNode) async throws(NodeError) -> ReplicaSummary? {
    try await holder.volumes().first { $0.id == volume.id }
  }
}
