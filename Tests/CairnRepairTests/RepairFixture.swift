import CairnCatalog
import CairnCluster
import CairnModel
import CairnNodeClient
import CairnRepair
import CairnStorage
import CairnTestSupport
import Foundation
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// A replicator at work on real storage nodes and a real catalog, all in this process.
final class RepairFixture: Sendable {
  let catalog: SQLiteCatalog
  let view: ClusterView
  let log = LogRecorder()
  let ids = BlobIDGenerator()
  private let folder: TemporaryFolder
  private let nodes: Mutex<[VolumeStore]>
  private let settings: RepairSettings

  static func with(nodes count: Int, _ body: (RepairFixture) async throws -> Void) async throws {
    let fixture = try await RepairFixture(nodes: count)
    let replicator = Replicator(
      name: "test", catalog: fixture.catalog, view: fixture.view, directory: fixture, settings: fixture.settings,
      judge: HeadJudge(catalog: fixture.catalog, ids: fixture.ids), logger: fixture.log.logger)
    let running = Task { await replicator.run() }
    let result: Result<Void, any Error>
    do { result = .success(try await body(fixture)) } catch { result = .failure(error) }
    running.cancel()
    await running.value
    for store in fixture.nodes.withLock({ $0 }) { await store.close() }
    await fixture.catalog.close()
    try result.get()
  }

  private init(nodes count: Int) async throws {
    folder = try TemporaryFolder("repair")
    let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    catalog = try await SQLiteCatalog.open(
      path: folder.path + "/catalog.sqlite", threadPool: .singleton, logger: quiet)
    view = ClusterView(registry: catalog, timeout: .seconds(3600), logger: quiet)
    let path = folder.path
    nodes = Mutex(try (0..<count).map { try Self.open("\(path)/node\($0)") })
    var settings = RepairSettings(delay: .seconds(3600), bandwidth: 0, policy: .random)
    settings.planInterval = .milliseconds(20)
    self.settings = settings
    for index in 0..<count { try await beat(index) }
  }

  private static func open(_ path: String) throws -> VolumeStore {
    try VolumeStore.open(
      StorageConfiguration(path: path, freeSpaceMin: 0), threadPool: .singleton,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  func store(_ index: Int) -> VolumeStore { nodes.withLock { $0[index] } }

  func id(_ index: Int) -> NodeID { store(index).node }

  /// A heartbeat of the node, which the view sees, and the node is reached.
  func beat(_ index: Int) async throws {
    let report = NodeReport(
      node: id(index), incarnation: 1, address: "127.0.0.1", port: index, zone: "default", storagePath: "",
      capacity: 1 << 40, available: 1 << 39, readOnly: false, blobCount: 0, volumeCount: 0)
    _ = try await catalog.heartbeat(report, timeout: .seconds(3600), takeOver: false)
    try await view.refresh()
    view.reached(id(index))
  }

  /// A sealed volume of which each node has these records.
  func addVolume(_ records: [Int: [EncodedRecord]]) async throws -> VolumeID {
    let volume = VolumeID.make()
    for (index, records) in records {
      try await store(index).createVolume(volume)
      for record in records { try await store(index).append(record, to: volume) }
      try await store(index).seal(volume)
    }
    try await catalog.add(
      Volume(id: volume, nodes: records.keys.sorted().map(id), replicasWanted: records.count, state: .sealed))
    return volume
  }

  func holds(_ index: Int, _ records: [EncodedRecord], in volume: VolumeID) async -> Bool {
    for record in records {
      let found = try? await store(index).record(BlobLocation(volume: volume, blob: record.header.blob))
      guard found?.record == record.record else { return false }
    }
    return true
  }

  /// Returns when the planner has looked at all replicas, twice at least: it has mended a volume that was just added.
  func waitForLooks() async throws {
    let record = try Self.record(1)
    let marker = try await addVolume([0: [record], 1: []])
    try await eventually("the planner looks") { await self.holds(1, [record], in: marker) }
  }

  /// Stops the node, changes its one log, loses its indexes, and starts it again.
  func tamper(_ index: Int, _ change: (inout Data) -> Void) async throws {
    await store(index).close()
    let path = "\(folder.path)/node\(index)"
    for name in FileManager.default.subpaths(atPath: path) ?? [] {
      if name.hasSuffix(".index") { try FileManager.default.removeItem(atPath: "\(path)/\(name)") }
      guard name.hasSuffix(".log") else { continue }
      var bytes = try Data(contentsOf: URL(fileURLWithPath: "\(path)/\(name)"))
      change(&bytes)
      try bytes.write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    }
    let reopened = try Self.open(path)
    nodes.withLock { $0[index] = reopened }
  }

  static func record(_ seed: Int) throws -> EncodedRecord {
    try EncodedRecord(
      Record(
        kind: .chunk, blob: BlobID(high: UInt64(seed), low: 7), timestamp: Timestamp(clampingMillisecondsSinceEpoch: 1),
        metadata: ByteBuffer(), payload: ByteBuffer(repeating: UInt8(truncatingIfNeeded: seed), count: 1000)))
  }
}

extension RepairFixture: NodeDirectory {
  func node(_ id: NodeID) -> (any StorageNode)? {
    nodes.withLock { nodes in nodes.first { $0.node == id } }.map { LocalNode($0) }
  }
}
