internal import CairnCatalog
internal import CairnCluster
internal import CairnModel
internal import Logging
internal import Synchronization

/// Tells nodes which of their blobs nothing refers to any more, in tombstones of many blobs each.
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
    /// Objects whose chunks are not looked up yet.
    var objects: [StoredObject] = []
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

  func add(_ object: StoredObject) {
    pending.withLock { pending in
      guard pending.objects.count < Self.pendingMax else { return }
      pending.objects.append(object)
    }
  }

  /// - Parameter blobs: finds what an object is made of.
  func run(blobs: (StoredObject) async -> [BlobLocation]) async {
    while !Task.isCancelled {
      try? await Task.sleep(for: Self.interval)
      await flush(blobs)
    }
    await flush(blobs)
  }

  private func flush(_ find: (StoredObject) async -> [BlobLocation]) async {
    var taken = Pending()
    pending.withLock { swap(&taken, &$0) }
    for object in taken.objects {
      taken.blobs += await find(object)
    }
    guard !taken.blobs.isEmpty else { return }
    for (node, blobs) in await byNode(taken.blobs) {
      for start in stride(from: 0, to: blobs.count, by: Self.batchMax) {
        await report(Array(blobs[start..<min(start + Self.batchMax, blobs.count)]), to: node)
      }
    }
  }

  private func byNode(_ blobs: [BlobLocation]) async -> [NodeID: [BlobLocation]] {
    var byNode: [NodeID: [BlobLocation]] = [:]
    for (volume, blobs) in Dictionary(grouping: blobs, by: \.volume) {
      for node in (try? await allocator.nodes(of: volume)) ?? [] {
        byNode[node, default: []] += blobs
      }
    }
    return byNode
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
