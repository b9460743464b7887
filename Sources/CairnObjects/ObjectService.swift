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

    package init(objectSizeMax: UInt64) {
      self.objectSizeMax = min(objectSizeMax, UInt64(Manifest.chunkCountMax) * UInt64(Limits.chunkSizeMax))
    }
  }

  package let settings: Settings
  let catalog: any ObjectCatalog
  let allocator: VolumeAllocator
  let view: ClusterView
  let directory: any NodeDirectory
  let writer: RecordWriter
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
  package init(
    settings: Settings, catalog: any ObjectCatalog, allocator: VolumeAllocator, view: ClusterView,
    directory: any NodeDirectory, ids: BlobIDGenerator, barrier: WriteBarrier, budget: ByteBudget,
    threads: NIOThreadPool, logger: Logger
  ) {
    self.settings = settings
    self.catalog = catalog
    self.allocator = allocator
    self.view = view
    self.directory = directory
    self.ids = ids
    self.barrier = barrier
    self.budget = budget
    self.threads = threads
    self.logger = logger
    writer = RecordWriter(allocator: allocator, view: view, directory: directory, logger: logger)
    garbage = GarbageQueue(writer: writer, allocator: allocator, ids: ids, logger: logger)
  }

  /// Tells nodes about garbage, until it is cancelled; then what is left.
  package func run() async {
    await garbage.run { await self.blobs(of: $0) }
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

  /// The nodes that hold a blob's volume, those that answer first.
  package func nodes(
    of location: BlobLocation
  ) async throws(ObjectError) -> (active: [NodeID], inactive: [NodeID]) {
    do throws(CatalogError) {
      let nodes = try await allocator.nodes(of: location.volume) ?? []
      let active = nodes.filter { view.isActive($0) }
      return (active, nodes.filter { !active.contains($0) })
    } catch {
      throw ObjectError(error)
    }
  }
}

extension ObjectError {
  init(_ error: CatalogError) {
    switch error {
    case .unavailable(let reason): self = .unavailable(reason)
    case .format(let error): self = .failed("\(error)")
    case .failed(let reason): self = .failed(reason)
    }
  }
}
