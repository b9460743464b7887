import CairnCatalog
import CairnModel
import CairnStorage
import CairnTestSupport
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// Whether each replica has every record that it should have, judged by its files and not by what it says.
///
/// A client sees one replica of two; this sees both.
struct ReplicaCheck {
  private struct Node: Sendable {
    var records: Set<BlobLocation> = []
    var garbage: Set<BlobLocation> = []
    var manifests: [BlobLocation: ByteBuffer] = [:]
    var damaged: [String] = []
  }

  private var nodes: [NodeID: Node] = [:]
  private(set) var problems: [String] = []
  /// All records, and those that objects are made of, over all replicas.
  private(set) var recordCount = 0
  private(set) var objectCount = 0
  private(set) var referencedCount = 0
  /// Records of no object that no tombstone names either: what was begun and not ended.
  var orphanCount: Int {
    nodes.values.reduce(0) { $0 + $1.records.subtracting(referenced).subtracting($1.garbage).count }
  }
  private var referenced: Set<BlobLocation> = []

  /// Reads the storage paths of nodes that have stopped.
  ///
  /// - Parameter damaged: the node, if any, whose bytes were flipped: it may lack records.
  init(storagePaths: [NodeID: String], redisPort: Int, damaged: NodeID?) async throws {
    let threads = NIOThreadPool(numberOfThreads: 2)
    threads.start()
    for (id, path) in storagePaths { nodes[id] = try await Self.read(path, threads) }
    try await threads.shutdownGracefully()
    for (id, node) in nodes where id != damaged { problems += node.damaged.map { "node \(id): \($0)" } }
    recordCount = nodes.values.reduce(0) { $0 + $1.records.count }
    let catalog = try RedisCatalog(
      configuration: RedisConfiguration(address: .host("127.0.0.1", port: redisPort)),
      eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: StoredRecords.quiet)
    try await check(catalog, excusing: damaged)
    await catalog.close()
  }

  private static func read(_ path: String, _ threads: NIOThreadPool) async throws -> Node {
    let store = try await threads.runIfActive {
      try VolumeStore.open(
        StorageConfiguration(path: path, freeSpaceMin: 0), threadPool: threads, logger: StoredRecords.quiet)
    }
    let node = Mutex(Node())
    for volume in store.volumes() {
      let report = try await store.scan(volume.id) { _, record in
        let location = BlobLocation(volume: volume.id, blob: record.header.blob)
        try node.withLock { node in
          guard record.header.kind != .tombstone else {
            node.garbage.formUnion(try Tombstone(metadata: record.record.metadata).garbage)
            return
          }
          node.records.insert(location)
          guard record.header.kind == .head else { return }
          let head = try HeadRecord(metadata: record.record.metadata)
          if head.attributes.layout == .manifest { node.manifests[location] = record.payload }
        }
      }
      if !report.damaged.isEmpty {
        node.withLock { $0.damaged.append("volume \(volume.id) is damaged: \(report.damaged)") }
      }
    }
    await store.close()
    return node.withLock { $0 }
  }

  private mutating func check(_ catalog: RedisCatalog, excusing damaged: NodeID?) async throws {
    var volumes: [VolumeID: Volume] = [:]
    var start: String?
    repeat {
      let page = try await catalog.list(.default, ListQuery(startAfter: start, limit: 1000))
      for entry in page.entries {
        objectCount += 1
        let head = entry.object.head
        var blobs = [head]
        if entry.object.attributes.layout == .manifest {
          if let bytes = nodes.values.lazy.compactMap({ $0.manifests[head] }).first {
            blobs += try Manifest(decoding: bytes).chunks.map(\.location)
          } else {
            problems.append("\(entry.key.text): no replica has its manifest \(head)")
          }
        }
        for blob in blobs {
          if volumes[blob.volume] == nil { volumes[blob.volume] = try await catalog.volume(blob.volume) }
          check(blob, of: entry.key.text, volumes[blob.volume], excusing: damaged)
        }
      }
      start = page.nextStartAfter
    } while start != nil
  }

  private mutating func check(_ blob: BlobLocation, of name: String, _ volume: Volume?, excusing damaged: NodeID?) {
    guard let volume else {
      problems.append("\(name): volume \(blob.volume) is not in the catalog")
      return
    }
    if volume.nodes.count < 2 { problems.append("\(name): volume \(blob.volume) has replicas on \(volume.nodes) only") }
    referenced.insert(blob)
    for node in volume.nodes {
      if nodes[node]?.records.contains(blob) == true {
        referencedCount += 1
      } else if node != damaged {
        problems.append("\(name): node \(node) lacks \(blob), volume on \(volume.nodes)")
      }
    }
  }
}
