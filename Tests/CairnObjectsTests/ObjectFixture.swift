import CairnCatalog
import CairnCluster
import CairnModel
import CairnNodeClient
@testable import CairnObjects
import CairnStorage
import CairnTestSupport
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// A storage node that can be told to fail: the real one behind it, in a folder of its own.
final class FaultyNode: StorageNode {
  enum Fault: Sendable, Equatable {
    case none
    case unreachable
    /// The next so many reads can't reach it.
    case missesReads(count: Int)
    case readOnly
    case volumeClosed
    /// The coordinator's token is not accepted.
    case unauthorized
    /// Records arrive damaged, so many times.
    case damagesAppends(count: Int)
    /// Head records can't be appended.
    case losesHeads
    /// Finds its records damaged.
    case corrupt
    /// Reads break off after so many bytes.
    case breaksOff(after: Int)
  }

  private let node: LocalNode
  let store: VolumeStore
  private let state = Mutex((fault: Fault.none, appends: 0))

  init(_ store: VolumeStore) {
    self.store = store
    node = LocalNode(store)
  }

  var id: NodeID { node.id }
  var fault: Fault {
    get { state.withLock { $0.fault } }
    set { state.withLock { $0.fault = newValue } }
  }
  /// Appends that were asked for, also those that failed.
  var appends: Int { state.withLock { $0.appends } }

  private func check() throws(NodeError) {
    switch fault {
    case .none: return
    case .unreachable: throw .unreachable(id, "told to")
    case .readOnly: throw .refused(id, .readOnly, "told to")
    case .volumeClosed: throw .refused(id, .volumeClosed, "told to")
    case .unauthorized: throw .refused(id, .unauthorized, "told to")
    case .corrupt, .breaksOff, .damagesAppends, .losesHeads, .missesReads: return
    }
  }

  private func checkAppend(_ record: EncodedRecord) throws(NodeError) {
    try check()
    switch fault {
    case .damagesAppends(let count) where count > 0:
      fault = .damagesAppends(count: count - 1)
      throw .refused(id, .malformed, "told to")
    case .losesHeads where record.header.kind == .head: throw .unreachable(id, "told to")
    default: return
    }
  }

  func probe() async throws(NodeError) { try check() }

  func createVolume(_ volume: VolumeID) async throws(NodeError) {
    if fault != .volumeClosed { try check() }
    try await node.createVolume(volume)
  }

  func append(_ record: EncodedRecord, to volume: VolumeID) async throws(NodeError) {
    state.withLock { $0.appends += 1 }
    try checkAppend(record)
    try await node.append(record, to: volume)
  }

  func read(
    _ location: BlobLocation, expecting expected: ExpectedRecord, range: Range<UInt64>?
  ) async throws(NodeError) -> BlobContent {
    switch fault {
    case .unreachable: try check()
    case .missesReads(let count) where count > 0:
      fault = .missesReads(count: count - 1)
      throw .unreachable(id, "told to")
    case .corrupt: throw .refused(id, .corrupt, "told to")
    case .breaksOff(let limit):
      let bytes = ByteCollector(limit: .max)
      do { try await node.read(location, expecting: expected, range: range).write(to: bytes) } catch let error
        as NodeError
      {
        throw error
      } catch {
        throw .unreachable(id, "\(error)")
      }
      let collected = bytes.collected
      return .stream(length: UInt64(collected.readableBytes)) { [id] sink in
        guard limit < collected.readableBytes else { return try await sink.write(collected) }
        if let part = collected.getSlice(at: 0, length: limit) { try await sink.write(part) }
        throw NodeError.unreachable(id, "told to break off")
      }
    case .none, .readOnly, .volumeClosed, .unauthorized, .damagesAppends, .losesHeads, .missesReads: break
    }
    return try await node.read(location, expecting: expected, range: range)
  }

  func seal(_ volume: VolumeID) async throws(NodeError) {
    try await node.seal(volume)
  }

  func volumes() async throws(NodeError) -> [ReplicaSummary] {
    try check()
    return try await node.volumes()
  }

  func record(_ location: BlobLocation) async throws(NodeError) -> EncodedRecord {
    try check()
    return try await node.record(location)
  }

  func drop(_ volume: VolumeID) async throws(NodeError) {
    try check()
    try await node.drop(volume)
  }

  func digest(of volume: VolumeID) async throws(NodeError) -> ReplicaDigest {
    try check()
    return try await node.digest(of: volume)
  }

  func blobs(in volume: VolumeID) async throws(NodeError) -> [ReplicaBlob] {
    try check()
    return try await node.blobs(in: volume)
  }

  func restore(_ record: EncodedRecord, to volume: VolumeID) async throws(NodeError) {
    try check()
    try await node.restore(record, to: volume)
  }

  func scrub(_ volume: VolumeID, bytesPerSecond: UInt64) async throws(NodeError) -> ScrubReport {
    try check()
    return try await node.scrub(volume, bytesPerSecond: bytesPerSecond)
  }

  func damaged(in volume: VolumeID) async throws(NodeError) -> [BlobID] {
    try check()
    return try await node.damaged(in: volume)
  }

  func garbage(in volume: VolumeID) async throws(NodeError) -> [BlobID] {
    try check()
    return try await node.garbage(in: volume)
  }

  func discard(_ blobs: [BlobID], in volume: VolumeID) async throws(NodeError) {
    try check()
    try await node.discard(blobs, in: volume)
  }

  func rewriteWithoutDamage(_ volume: VolumeID) async throws(NodeError) {
    try await node.rewriteWithoutDamage(volume)
  }
}

struct FaultyDirectory: NodeDirectory {
  let nodes: [FaultyNode]

  func node(_ id: NodeID) -> (any StorageNode)? { nodes.first { $0.id == id } }
}

/// What the reader reported.
final class DamagedReplicas: Sendable {
  private let replicas = Mutex<Set<DamagedReplica>>([])

  var reported: Set<DamagedReplica> { replicas.withLock { $0 } }

  func add(_ replica: DamagedReplica) {
    replicas.withLock { _ = $0.insert(replica) }
  }
}

/// An ObjectService with a real catalog and real storage nodes, in a temporary folder.
struct ObjectFixture: Sendable {
  final class Seconds: Sendable {
    private let count = Mutex<UInt64>(0)

    var value: UInt64 { count.withLock { $0 } }

    func add(_ seconds: UInt64) { count.withLock { $0 += seconds } }
  }

  /// How far the catalog's clock is ahead.
  let secondsSkipped = Seconds()
  let folder: TemporaryFolder
  let catalog: SQLiteCatalog
  let nodes: [FaultyNode]
  let view: ClusterView
  let objects: ObjectService
  /// Another one on the same nodes, with a catalog of the test's choice.
  private let make:
    @Sendable (any ObjectCatalog & UploadCatalog, (inout ObjectService.Settings) -> Void) -> ObjectService
  let ids: BlobIDGenerator
  let barrier: WriteBarrier
  let damaged = DamagedReplicas()

  static let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

  static func with(
    nodes count: Int = 1, replicas: Int = 1, minimum: Int? = nil, mode: ReplicationMode = .sync, chunkSize: Int = 1000,
    budget: Int = 1 << 30,
    uploadTimeMax: Duration = .seconds(86_400), multipartExpiry: Duration = .seconds(86_400),
    folder: TemporaryFolder? = nil, operations: FileOperations = .system, garbageGrace: Duration? = nil,
    _ body: (ObjectFixture) async throws -> Void
  ) async throws {
    let fixture = try await ObjectFixture(
      nodes: count, replication: ReplicationPolicy(factor: replicas, minimum: minimum, mode: mode),
      chunkSize: chunkSize,
      budget: budget, uploadTimeMax: uploadTimeMax, multipartExpiry: multipartExpiry,
      folder: folder ?? TemporaryFolder("objects"), operations: operations, garbageGrace: garbageGrace)
    do { try await body(fixture) } catch {
      await fixture.close()
      throw error
    }
    await fixture.close()
  }

  private init(
    nodes count: Int, replication: ReplicationPolicy, chunkSize: Int, budget: Int, uploadTimeMax: Duration,
    multipartExpiry: Duration, folder: TemporaryFolder, operations: FileOperations, garbageGrace: Duration?
  ) async throws {
    self.folder = folder
    catalog = try await Self.openCatalog(folder.path + "/catalog.sqlite") { [secondsSkipped] in
      Timestamp(nanosecondsSinceEpoch: Timestamp.now().nanosecondsSinceEpoch + secondsSkipped.value * 1_000_000_000)
    }
    let path = folder.path
    let nodes = try (0..<count).map { FaultyNode(try Self.openStore("\(path)/node\($0)", operations, garbageGrace)) }
    self.nodes = nodes
    view = ClusterView(registry: catalog, timeout: .seconds(86_400), logger: Self.logger)
    ids = BlobIDGenerator()
    barrier = WriteBarrier()
    var settings = ObjectService.Settings(objectSizeMax: 10 << 20)
    settings.chunkSize = chunkSize
    settings.uploadTimeMax = uploadTimeMax
    settings.multipartExpiry = multipartExpiry
    settings.writePatience = .seconds(1)
    let directory = FaultyDirectory(nodes: nodes)
    let allocator = VolumeAllocator(
      catalog: catalog, view: view, directory: directory, replication: replication, logger: Self.logger)
    make = { [settings, view, ids, barrier, damaged] names, change in
      var settings = settings
      change(&settings)
      return ObjectService(
        settings: settings, catalog: names, allocator: allocator, view: view, directory: directory, ids: ids,
        barrier: barrier, budget: ByteBudget(bytes: budget), threads: .singleton, damaged: { damaged.add($0) },
        logger: Self.logger)
    }
    objects = make(catalog) { _ in }
    try await beat()
  }

  /// On the same nodes, with another catalog.
  func makeObjects(
    _ catalog: any ObjectCatalog & UploadCatalog, _ change: (inout ObjectService.Settings) -> Void = { _ in }
  ) -> ObjectService {
    make(catalog, change)
  }

  static func openCatalog(
    _ path: String, now: @escaping @Sendable () -> Timestamp = { .now() }
  ) async throws -> SQLiteCatalog {
    try await SQLiteCatalog.open(path: path, threadPool: .singleton, logger: logger, now: now)
  }

  static func openStore(
    _ path: String, _ operations: FileOperations = .system, _ garbageGrace: Duration? = nil
  ) throws -> VolumeStore {
    var configuration = StorageConfiguration(path: path, freeSpaceMin: 0)
    if let garbageGrace { configuration.garbageGrace = garbageGrace }
    return try VolumeStore.open(configuration, threadPool: .singleton, logger: logger, operations: operations)
  }

  /// Every node, or just one, sends a heartbeat, and the view sees it and reaches the node.
  func beat(_ only: FaultyNode? = nil) async throws {
    for node in nodes where only == nil || only === node { try await register(node) }
    try await view.refresh()
    for node in nodes where only == nil || only === node { view.reached(node.id) }
  }

  /// A node sends a heartbeat, which the view doesn't see yet.
  func register(_ node: FaultyNode, incarnation: UInt64 = 1) async throws {
    let report = NodeReport(
      node: node.id, incarnation: incarnation, address: "127.0.0.1", port: nodes.firstIndex { $0 === node } ?? 0,
      zone: "default", storagePath: "", capacity: 1 << 40, available: 1 << 39, readOnly: false, blobCount: 0,
      volumeCount: 0)
    _ = try await catalog.heartbeat(report, timeout: .seconds(86_400), takeOver: incarnation > 1)
  }

  private func close() async {
    for node in nodes { await node.store.close() }
    await catalog.close()
  }

  /// Tells the nodes what is garbage, and which conditional writes took effect.
  func flushGarbage() async throws {
    let reporting = Task { await objects.run() }
    reporting.cancel()
    await reporting.value
  }

  func sweep(age: Duration) -> OrphanSweep {
    OrphanSweep(
      objects: objects, catalog: catalog, contents: catalog, volumes: catalog, view: view,
      directory: FaultyDirectory(nodes: nodes), age: age, logger: Self.logger)
  }

  /// The locations of all blobs that nothing refers to.
  func orphans() async throws -> Set<BlobLocation> {
    // Nothing is younger than now.
    try await Task.sleep(for: .milliseconds(5))
    return Set(try await sweep(age: .zero).find().map(\.location))
  }

  // MARK: Shorthands

  @discardableResult
  func put(
    _ key: String, _ bytes: [UInt8], onConflict rule: ConflictRule = .overwrite, pieces: Int = 300,
    replicas: Int? = nil
  ) async throws -> PutResult {
    try await objects.put(
      ObjectName(key: ObjectKey(key)), Self.source(bytes, pieces: pieces),
      UploadDescription(contentType: "a/b", replicas: replicas), onConflict: rule)
  }

  func get(_ key: String, _ range: Range<UInt64>? = nil) async throws -> [UInt8]? {
    let name = ObjectName(key: try ObjectKey(key))
    guard let object = try await objects.object(name) else { return nil }
    let sink = Collector()
    try await objects.content(of: object, named: name, range: range).write(to: sink)
    return Array(sink.bytes.readableBytesView)
  }

  /// A body that comes in pieces.
  static func source(_ bytes: [UInt8], pieces size: Int = 300) -> BodySource {
    let rest = Mutex(bytes[...])
    return BodySource(length: UInt64(bytes.count)) {
      rest.withLock { rest in
        guard !rest.isEmpty else { return nil }
        defer { rest = rest.dropFirst(size) }
        return ByteBuffer(bytes: rest.prefix(size))
      }
    }
  }

  static func bytes(_ count: Int, seed: UInt8 = 1) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 / 251) ^ seed }
  }
}

final class Collector: ByteSink, @unchecked Sendable {
  var bytes = ByteBuffer()

  func write(_ bytes: ByteBuffer) async throws {
    self.bytes.writeImmutableBuffer(bytes)
  }
}
