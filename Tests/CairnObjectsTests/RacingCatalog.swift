import CairnCatalog
import CairnModel

/// A catalog to which something happens before each deletion or write, or that refuses what is put.
struct RacingCatalog: ObjectCatalog, UploadCatalog {
  private let catalog: any ObjectCatalog & UploadCatalog
  private let refusal: CatalogError?
  private let beforeDeletion: @Sendable (_ tombstone: BlobID) async throws -> Void
  private let beforePut: @Sendable (StoredObject) async throws -> Void

  init(
    _ catalog: any ObjectCatalog & UploadCatalog, refusing refusal: CatalogError? = nil,
    beforeDeletion: @escaping @Sendable (_ tombstone: BlobID) async throws -> Void = { _ in },
    beforePut: @escaping @Sendable (StoredObject) async throws -> Void = { _ in }
  ) {
    self.catalog = catalog
    self.refusal = refusal
    self.beforeDeletion = beforeDeletion
    self.beforePut = beforePut
  }

  func object(_ name: ObjectName) async throws(CatalogError) -> StoredObject? { try await catalog.object(name) }

  func object(version: BlobID, in bucket: BucketName) async throws(CatalogError) -> (ObjectKey, StoredObject)? {
    try await catalog.object(version: version, in: bucket)
  }

  func put(
    _ object: StoredObject, as name: ObjectName, if condition: WriteCondition
  ) async throws(CatalogError) -> PutOutcome {
    do { try await beforePut(object) } catch { throw .failed("\(error)") }
    if let refusal { throw refusal }
    return try await catalog.put(object, as: name, if: condition)
  }

  func relocate(_ object: StoredObject, as name: ObjectName) async throws(CatalogError) -> Bool {
    try await catalog.relocate(object, as: name)
  }

  func delete(_ name: ObjectName, version: BlobID, tombstone: BlobID) async throws(CatalogError) -> DeleteOutcome {
    do { try await beforeDeletion(tombstone) } catch { throw .failed("\(error)") }
    return try await catalog.delete(name, version: version, tombstone: tombstone)
  }

  func list(_ bucket: BucketName, _ query: ListQuery) async throws(CatalogError) -> ListPage {
    try await catalog.list(bucket, query)
  }

  func add(_ upload: PendingUpload, lifetime: Duration) async throws(CatalogError) {
    try await catalog.add(upload, lifetime: lifetime)
  }

  func upload(_ id: BlobID) async throws(CatalogError) -> PendingUpload? { try await catalog.upload(id) }

  func put(_ part: UploadPart, of id: BlobID) async throws(CatalogError) -> Bool { try await catalog.put(part, of: id) }

  func claim(_ id: BlobID, lifetime: Duration) async throws(CatalogError) -> PendingUpload? {
    try await catalog.claim(id, lifetime: lifetime)
  }

  func release(_ id: BlobID) async throws(CatalogError) { try await catalog.release(id) }

  func forget(_ id: BlobID) async throws(CatalogError) { try await catalog.forget(id) }

  func uploads(_ range: UploadRange, limit: Int) async throws(CatalogError) -> [PendingUpload] {
    try await catalog.uploads(range, limit: limit)
  }
}
