package import CairnCatalog
package import CairnCluster
package import CairnModel
internal import CairnNodeClient
package import Logging

/// A blob on a node that nothing refers to.
package struct Orphan: Hashable, Sendable {
  package enum Kind: String, Sendable {
    /// A version of an object that was never committed, or was replaced, and that nobody reported as garbage.
    case head
    /// A piece of an upload that was never committed, or of such a version.
    case chunk
  }

  package let location: BlobLocation
  package let kind: Kind
  /// The object of a head.
  package let name: ObjectName?
  /// Bytes of its record.
  package let length: Int
}

/// Finds what uploads left behind that were never committed, and lets it be garbage.
///
/// Only blobs older than an age at which no upload can be under way any more, and never one that the catalog knows.
package struct OrphanSweep: Sendable {
  private static let pageLength = 1000
  /// In so many buckets a version is looked for before its record is read, which tells the name.
  private static let bucketsAsked = 8
  /// So many orphans among the blobs that were looked at, and the catalog is rather to be doubted.
  private static let suspiciousCount = 1000

  private let objects: ObjectService
  private let catalog: any ObjectCatalog
  private let contents: any CatalogContents
  private let volumes: any VolumeCatalog
  private let view: ClusterView
  private let directory: any NodeDirectory
  /// `ORPHAN_AGE`.
  private let age: Duration
  private let logger: Logger

  package init(
    objects: ObjectService, catalog: any ObjectCatalog, contents: any CatalogContents,
    volumes: any VolumeCatalog, view: ClusterView, directory: any NodeDirectory, age: Duration, logger: Logger
  ) {
    self.objects = objects
    self.catalog = catalog
    self.contents = contents
    self.volumes = volumes
    self.view = view
    self.directory = directory
    self.age = age
    self.logger = logger
  }

  /// Finds and removes orphans now and then, until it is cancelled.
  package func run() async {
    // Often enough that little is older than twice the age, and never all coordinators at the same moment.
    let interval = max(age / 2, .seconds(1))
    while (try? await Task.sleep(for: interval * Double.random(in: 0.75...1.25))) != nil {
      do throws(ObjectError) {
        remove(try await find())
      } catch {
        logger.notice("orphans not looked for", metadata: ["error": "\(error)"])
      }
    }
  }

  /// Finds orphans. O(blobs) requests to the catalog at most, O(chunks of all objects) memory.
  ///
  /// - Throws: ``ObjectError/unavailable(_:)`` when not all manifests can be read: then nothing is known for sure.
  ///   ``ObjectError/failed(_:)`` when most blobs seem to be orphans, as after the loss of a catalog.
  package func find() async throws(ObjectError) -> [Orphan] {
    let seconds = UInt64(clamping: age.components.seconds) * 1000
    let now = Timestamp.now().millisecondsSinceEpoch
    let cutoff = now > seconds ? now - seconds : 0
    let clock = ContinuousClock()
    let start = clock.now
    // An upload that becomes an object meanwhile is seen as the one or as the other, and chunks that are shared meanwhile
    // are seen at the end.
    var referenced = try await pendingChunks()
    let buckets = try await buckets()
    referenced.formUnion(try await referencedChunks(buckets))
    referenced.formUnion(try await pendingChunks())
    guard clock.now - start < ObjectService.shareLifetime / 2 else {
      throw .failed("the objects could not be looked through in \(ObjectService.shareLifetime / 2)")
    }
    var orphans: [Orphan] = []
    var seen = 0
    var last: VolumeID?
    do {
      while true {
        let page = try await volumes.volumes(after: last, limit: Self.pageLength)
        for volume in page {
          var looked: Set<BlobID> = []
          for id in volume.nodes where view.isActive(id) {
            guard let node = directory.node(id) else { continue }
            for blob in try await node.blobs(in: volume.id).map(\.blob) where looked.insert(blob).inserted {
              seen += 1
              guard blob.millisecondsSinceEpoch < cutoff, !referenced.contains(blob) else { continue }
              let location = BlobLocation(volume: volume.id, blob: blob)
              if let orphan = try await orphan(at: location, on: node, buckets) { orphans.append(orphan) }
            }
          }
        }
        guard page.count == Self.pageLength, let end = page.last?.id else { break }
        last = end
      }
    } catch {
      throw .unavailable("the nodes' blobs can't be compared with the catalog: \(error)")
    }
    guard orphans.count < max(Self.suspiciousCount, seen / 2) else {
      throw .failed(
        "\(orphans.count) of \(seen) blobs are unknown to the catalog, which has perhaps lost data: run cairn recover")
    }
    return orphans
  }

  /// Lets orphans be garbage: they are compacted away after the grace.
  package func remove(_ orphans: [Orphan]) {
    guard !orphans.isEmpty else { return }
    objects.garbage.add(orphans.map(\.location))
    logger.info("orphans found", metadata: ["count": "\(orphans.count)"])
  }

  private func orphan(
    at location: BlobLocation, on node: any StorageNode, _ buckets: [BucketName]
  ) async throws -> Orphan? {
    for bucket in buckets.prefix(Self.bucketsAsked) {
      if let (_, object) = try await catalog.object(version: location.blob, in: bucket), object.head == location {
        return nil
      }
    }
    // What can't be read is left to the scrubber.
    guard let record = try? await node.record(location) else { return nil }
    switch record.header.kind {
    case .tombstone: return nil
    case .chunk: return Orphan(location: location, kind: .chunk, name: nil, length: record.header.length)
    case .head:
      guard let head = try? HeadRecord(metadata: record.record.metadata) else { return nil }
      if try await catalog.object(head.name)?.head == location { return nil }
      return Orphan(location: location, kind: .head, name: head.name, length: record.header.length)
    }
  }

  /// The chunks of every upload that may become an object yet.
  private func pendingChunks() async throws(ObjectError) -> Set<BlobID> {
    var chunks: Set<BlobID> = []
    var range = UploadRange.all
    while true {
      let page = try await objects.uploads(range, limit: CatalogLimits.pageLengthMax)
      for upload in page { chunks.formUnion(try await objects.chunks(ofUpload: upload.id).map(\.location.blob)) }
      guard page.count == CatalogLimits.pageLengthMax, let last = page.last else { return chunks }
      range = range.after(last)
    }
  }

  /// Every bucket with objects, whoever made it: what the catalog itself has, not what somebody remembers of it.
  private func buckets() async throws(ObjectError) -> [BucketName] {
    do throws(CatalogError) { return try await contents.buckets() } catch { throw ObjectError(error) }
  }

  /// The chunks of every object that the catalog knows.
  private func referencedChunks(_ buckets: [BucketName]) async throws(ObjectError) -> Set<BlobID> {
    var chunks: Set<BlobID> = []
    for bucket in buckets { try await add(bucket, to: &chunks) }
    return chunks
  }

  private func add(_ bucket: BucketName, to chunks: inout Set<BlobID>) async throws(ObjectError) {
    var query = ListQuery(limit: CatalogLimits.pageLengthMax)
    while true {
      let page = try await objects.list(bucket, query)
      for entry in page.entries where entry.object.attributes.layout == .manifest {
        let name = ObjectName(bucket: bucket, key: entry.key)
        chunks.formUnion(try await objects.manifest(of: entry.object, named: name).chunks.map(\.location.blob))
      }
      guard let next = page.nextStartAfter else { return }
      query.startAfter = next
    }
  }
}
