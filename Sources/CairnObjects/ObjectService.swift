package import CairnCatalog
package import CairnCluster
package import CairnModel
package import Logging
package import NIOPosix

/// Stores, finds and removes objects: what every client interface is built on. It knows nothing of HTTP.
package struct ObjectService: Sendable {
  package struct Settings: Sendable {
    /// Bytes of a chunk, and of the largest object that is kept in its head record.
    package var chunkSize = Limits.chunkSizeMax
    /// Bytes of the largest object (`MAX_UPLOAD_SIZE`).
    package var objectSizeMax: UInt64

    /// An upload that took longer is refused: its first chunks may have been swept as orphans (`ORPHAN_AGE`).
    package var uploadTimeMax: Duration = .seconds(86_400)
    /// An upload in parts that is not complete after so long is forgotten (`MULTIPART_EXPIRY`).
    package var multipartExpiry: Duration = .seconds(7 * 86_400)
    /// How long a write waits for storage nodes to take it: long enough for a node to start again.
    package var writePatience: Duration = .seconds(10)
    /// Where the coordinator stands: replicas in the same zone are read first. Nil for no preference.
    package var zone: String?
    /// Whether somebody may have replayed records into the catalog while their writers were still at it.
    package var mayHaveReplayed: @Sendable () -> Bool = { false }
    /// Why nobody knows what the catalog lacks; nil when it is known. Nothing can be judged by conditions then.
    package var reasonNotReady: @Sendable () -> String? = { nil }

    package init(objectSizeMax: UInt64) {
      self.objectSizeMax = min(objectSizeMax, UInt64(Manifest.chunkCountMax) * UInt64(Limits.chunkSizeMax))
    }
  }

  package let settings: Settings
  let catalog: any ObjectCatalog & UploadCatalog
  let allocator: VolumeAllocator
  let view: ClusterView
  let writer: RecordWriter
  let reader: ReplicaReader
  let garbage: GarbageQueue
  let ids: BlobIDGenerator
  let barrier: WriteBarrier
  let budget: ByteBudget
  let threads: NIOThreadPool
  let logger: Logger

  /// - Parameters:
  ///   - ids: makes the versions of objects; shared with whatever else writes through the same process.
  ///   - barrier: signs in every change of the catalog.
  ///   - budget: memory for the chunks of all uploads.
  ///   - threads: hash large bodies.
  ///   - damaged: is told of replicas that lack a record, or have a damaged one.
  package init(
    settings: Settings, catalog: any ObjectCatalog & UploadCatalog, allocator: VolumeAllocator, view: ClusterView,
    directory: any NodeDirectory, ids: BlobIDGenerator, barrier: WriteBarrier, budget: ByteBudget,
    threads: NIOThreadPool, damaged: @escaping @Sendable (DamagedReplica) -> Void = { _ in }, logger: Logger
  ) {
    self.settings = settings
    self.catalog = catalog
    self.allocator = allocator
    self.view = view
    self.ids = ids
    self.barrier = barrier
    self.budget = budget
    self.threads = threads
    self.logger = logger
    writer = RecordWriter(
      allocator: allocator, view: view, directory: directory, patience: settings.writePatience, logger: logger)
    reader = ReplicaReader(
      allocator: allocator, view: view, directory: directory, zone: settings.zone, report: damaged, logger: logger)
    garbage = GarbageQueue(writer: writer, allocator: allocator, ids: ids, logger: logger)
  }

  /// Tells nodes about garbage, until it is cancelled; then what is left.
  package func run() async {
    await garbage.run {
      await self.blobs(of: $0, named: $1)
    } isHead: { place, name in
      // A recovery may be about to put what it has read.
      if settings.mayHaveReplayed() { return nil }
      do throws(CatalogError) { return try await catalog.object(name)?.head == place } catch { return nil }
    }
  }

  /// The current version of a name; nil where there is none.
  package func object(_ name: ObjectName) async throws(ObjectError) -> StoredObject? {
    do throws(CatalogError) {
      return try await catalog.object(name)
    } catch {
      throw ObjectError(error)
    }
  }

  /// The object whose current version has the id `version`.
  package func object(
    version: BlobID, in bucket: BucketName
  ) async throws(ObjectError) -> (key: ObjectKey, object: StoredObject)? {
    do throws(CatalogError) {
      return try await catalog.object(version: version, in: bucket).map { (key: $0.0, object: $0.1) }
    } catch {
      throw ObjectError(error)
    }
  }

  /// A page of names.
  package func list(_ bucket: BucketName, _ query: ListQuery) async throws(ObjectError) -> ListPage {
    do throws(CatalogError) {
      return try await catalog.list(bucket, query)
    } catch {
      throw ObjectError(error)
    }
  }

  /// When uploads are answered.
  package var replicationMode: ReplicationMode { allocator.replication.mode }

  /// Why an upload would be refused now; nil when it would be taken.
  package var uploadObstacle: ObjectError? {
    allocator.obstacle.map { ObjectError($0) }
  }

  /// Why there is no node for a write: without the registry nobody knows whether there is one.
  var noNode: ObjectError { view.registryFailure.map { .unavailable($0) } ?? .noActiveNode }

  /// On which nodes the bytes of an object are.
  package func replication(
    of object: StoredObject, named name: ObjectName
  ) async throws(ObjectError) -> ReplicationStatus {
    var volumes: Set<VolumeID> = [object.head.volume]
    if object.attributes.layout == .manifest {
      volumes.formUnion(try await manifest(of: object, named: name).chunks.map(\.location.volume))
    }
    var status = ReplicationStatus()
    for id in volumes {
      let volume: Volume?
      do throws(CatalogError) { volume = try await allocator.find(id, isFresh: true) } catch {
        throw ObjectError(error)
      }
      for node in volume?.nodes ?? [] {
        if view.isActive(node) { status.successful.insert(node) } else { status.failed.insert(node) }
      }
      let missing = volume?.missingReplicas ?? 1
      if missing > 0 { status.incomplete[id] = Set(volume?.nodes ?? []) }
      status.missingReplicas = max(status.missingReplicas, missing)
    }
    return status
  }
}

/// On which nodes the bytes of an object are.
package struct ReplicationStatus: Hashable, Sendable {
  /// Nodes that have some of its bytes and answer.
  package var successful: Set<NodeID> = []
  /// Nodes that have some of its bytes and don't answer.
  package var failed: Set<NodeID> = []
  /// Replicas that are still to be made of the part that has the fewest.
  package var missingReplicas = 0
  /// Volumes with some of its bytes that lack replicas, with the nodes that have one.
  package var incomplete: [VolumeID: Set<NodeID>] = [:]

  package var isComplete: Bool { failed.isEmpty && missingReplicas <= 0 }
}

extension ObjectError {
  init(_ error: CatalogError) {
    switch error {
    case .unavailable(let reason): self = .unavailable(reason)
    case .full(let reason): self = .noSpace(reason)
    case .damaged(let reason): self = .failed(reason)
    case .format(let error): self = .failed("\(error)")
    case .failed(let reason): self = .failed(reason)
    }
  }
}
