internal import CairnCatalog
internal import CairnCluster
internal import CairnModel
internal import Logging
internal import Synchronization

/// Tells nodes which of their blobs nothing refers to any more, in tombstones of many blobs each, and before that which
/// conditional writes took effect.
///
/// No client waits for it. What is lost when the process dies is garbage that stays, never data that goes.
final class GarbageQueue: Sendable {
  private static let interval: Duration = .milliseconds(500)
  /// Blobs in one tombstone: its metadata must stay within a record's limit.
  private static let batchMax = 1024
  /// Entries that may wait; the garbage of more is left to be found later.
  private static let pendingMax = 100_000

  private struct Pending {
    var blobs: [BlobLocation] = []
    /// Where writing a head record failed before it succeeded elsewhere.
    var abandoned: [(place: BlobLocation, name: ObjectName)] = []
    /// Objects whose chunks are not looked up yet.
    var objects: [(object: StoredObject, name: ObjectName)] = []
    /// Conditional writes that took effect.
    var committed: [BlobID] = []
  }

  private let writer: RecordWriter
  private let allocator: VolumeAllocator
  private let ids: BlobIDGenerator
  private let logger: Logger
  private let pending = Mutex(Pending())

  init(writer: RecordWriter, allocator: VolumeAllocator, ids: BlobIDGenerator, logger: Logger) {
    self.writer = writer
    self.allocator = allocator
    self.ids = ids
    self.logger = logger
  }

  func add(_ blobs: [BlobLocation]) {
    guard !blobs.isEmpty else { return }
    pending.withLock { pending in
      guard pending.blobs.count < Self.pendingMax else { return }
      pending.blobs += blobs
    }
  }

  /// Adds places where writing a head record failed before it succeeded elsewhere. They become garbage once no recovery can
  /// still record one of them as the object's place.
  func add(_ abandoned: [BlobLocation], headOf name: ObjectName) {
    pending.withLock { pending in
      guard pending.abandoned.count < Self.pendingMax else { return }
      pending.abandoned += abandoned.map { ($0, name) }
    }
  }

  func add(_ object: StoredObject, named name: ObjectName) {
    pending.withLock { pending in
      guard pending.objects.count < Self.pendingMax else { return }
      pending.objects.append((object, name))
    }
  }

  /// Remembers that a conditional write took effect, so that nobody who rebuilds a catalog has to ask what it replaced.
  func commit(_ version: BlobID) {
    pending.withLock { $0.committed.append(version) }
  }

  /// Says of head records that their writes were refused: nobody may bring them to life when their client was told that
  /// the write failed.
  ///
  /// - Parameter volume: holds the record on all its nodes, and so is the best place to say it.
  /// - Returns: whether it is durable. Where it isn't, it is tried again later.
  func refuse(_ blobs: [BlobLocation], in volume: Volume? = nil) async -> Bool {
    do throws(ObjectError) {
      let record = try EncodedRecord.tombstone(Tombstone(garbage: blobs), id: ids.next())
      if let volume, await writer.append(record, to: volume).isEmpty { return true }
      do throws(AppendFailure) { _ = try await writer.append(record) } catch { throw error.error }
      return true
    } catch {
      logger.warning("refused write not noted", metadata: ["blobs": "\(blobs)", "error": "\(error)"])
      add(blobs)
      return false
    }
  }

  /// - Parameters:
  ///   - blobs: finds what an object is made of.
  ///   - isHead: whether the object of a name is at a place; nil where that is not known yet.
  func run(
    blobs: (StoredObject, ObjectName) async -> [BlobLocation], isHead: (BlobLocation, ObjectName) async -> Bool?
  ) async {
    while !Task.isCancelled {
      try? await Task.sleep(for: Self.interval)
      await flush(blobs, isHead)
    }
    await flush(blobs, isHead)
  }

  private func flush(
    _ find: (StoredObject, ObjectName) async -> [BlobLocation], _ isHead: (BlobLocation, ObjectName) async -> Bool?
  ) async {
    var taken = Pending()
    pending.withLock { swap(&taken, &$0) }
    // What they replaced may go only when that is known.
    guard await confirm(taken.committed) else {
      return pending.withLock { pending in
        pending.committed += taken.committed
        pending.objects += taken.objects
        pending.blobs += taken.blobs
        pending.abandoned += taken.abandoned
      }
    }
    for (place, name) in taken.abandoned {
      switch await isHead(place, name) {
      case true?: break
      case false?: taken.blobs.append(place)
      case nil: pending.withLock { $0.abandoned.append((place, name)) }
      }
    }
    for (object, name) in taken.objects {
      taken.blobs += await find(object, name)
    }
    guard !taken.blobs.isEmpty else { return }
    for (node, blobs) in await byNode(taken.blobs) {
      for start in stride(from: 0, to: blobs.count, by: Self.batchMax) {
        await report(Array(blobs[start..<min(start + Self.batchMax, blobs.count)]), to: node)
      }
    }
  }

  /// - Returns: whether it is durable.
  private func confirm(_ committed: [BlobID]) async -> Bool {
    for start in stride(from: 0, to: committed.count, by: Self.batchMax) {
      let batch = Array(committed[start..<min(start + Self.batchMax, committed.count)])
      do {
        _ = try await writer.append(.tombstone(Tombstone(committed: batch), id: ids.next()))
      } catch {
        logger.notice("conditional writes not confirmed", metadata: ["error": "\(error)"])
        return false
      }
    }
    return true
  }

  private func byNode(_ blobs: [BlobLocation]) async -> [NodeID: [BlobLocation]] {
    var byNode: [NodeID: [BlobLocation]] = [:]
    for (volume, blobs) in Dictionary(grouping: blobs, by: \.volume) {
      for node in await nodes(of: volume) { byNode[node, default: []] += blobs }
    }
    return byNode
  }

  /// As the catalog lists them now: a replica that was made since the volume was looked up has to be told as well.
  private func nodes(of volume: VolumeID) async -> [NodeID] {
    do throws(CatalogError) { return try await allocator.find(volume, isFresh: true)?.nodes ?? [] } catch {
      return (try? await allocator.nodes(of: volume)) ?? []
    }
  }

  /// A tombstone may be in any volume that the node holds: it names the blobs with their volumes.
  private func report(_ blobs: [BlobLocation], to node: NodeID) async {
    guard let volume = await allocator.openVolume(on: node) else { return }
    let record: EncodedRecord
    do { record = try .tombstone(Tombstone(garbage: blobs), id: ids.next()) } catch {
      return logger.error("tombstone not made", metadata: ["error": "\(error)"])
    }
    for error in await writer.append(record, to: volume) {
      logger.notice("garbage not reported", metadata: ["node": "\(node)", "error": "\(error)"])
    }
  }
}
