package import CairnCatalog
package import CairnModel

/// Doesn't say that a name is missing while the catalog may have lost data, and says nothing of names before the storage
/// nodes that can be read were read: what is found may be an older version until then.
package struct VerifiedCatalog: ObjectCatalog, UploadCatalog {
  private let catalog: any ObjectCatalog & UploadCatalog
  private let watch: CatalogWatch

  package init(_ catalog: any ObjectCatalog & UploadCatalog, _ watch: CatalogWatch) {
    self.catalog = catalog
    self.watch = watch
  }

  package func object(_ name: ObjectName) async throws(CatalogError) -> StoredObject? {
    let object = try await catalog.object(name)
    if object == nil { try await watch.verify(name.bucket) } else { try refuseOutdated() }
    return object
  }

  package func object(
    version: BlobID, in bucket: BucketName
  ) async throws(CatalogError) -> (ObjectKey, StoredObject)? {
    let found = try await catalog.object(version: version, in: bucket)
    if found == nil { try await watch.verify(bucket) } else { try refuseOutdated() }
    return found
  }

  private func refuseOutdated() throws(CatalogError) {
    if let reason = watch.reasonNotCurrent { throw .unavailable(reason) }
  }

  package func put(
    _ object: StoredObject, as name: ObjectName, if condition: WriteCondition
  ) async throws(CatalogError) -> PutOutcome {
    // Afterwards would be too late.
    if condition != .always { try await watch.verify(name.bucket) }
    watch.note(changeOf: name.bucket)
    let outcome = try await catalog.put(object, as: name, if: condition)
    if case .stale = outcome, watch.mayHaveReplayed {
      // A replay may have put it first, and somebody else replaced it: to write it again would bring it back.
      throw .unavailable("the catalog was compared with the storage nodes: whether this was stored is not known")
    }
    return outcome
  }

  package func relocate(_ object: StoredObject, as name: ObjectName) async throws(CatalogError) -> Bool {
    watch.note(changeOf: name.bucket)
    return try await catalog.relocate(object, as: name)
  }

  package func delete(
    _ name: ObjectName, version: BlobID, tombstone: BlobID
  ) async throws(CatalogError) -> DeleteOutcome {
    watch.note(changeOf: name.bucket)
    let outcome = try await catalog.delete(name, version: version, tombstone: tombstone)
    if case .absent = outcome { try await watch.verify(name.bucket) }
    return outcome
  }

  package func list(_ bucket: BucketName, _ query: ListQuery) async throws(CatalogError) -> ListPage {
    let page = try await catalog.list(bucket, query)
    try await watch.verify(bucket)
    return page
  }

  // MARK: Uploads in parts

  package func add(_ upload: PendingUpload, lifetime: Duration) async throws(CatalogError) {
    try await catalog.add(upload, lifetime: lifetime)
  }

  package func upload(_ id: BlobID) async throws(CatalogError) -> PendingUpload? {
    if let upload = try await catalog.upload(id) { return upload }
    try await watch.verify()
    return nil
  }

  package func put(_ part: UploadPart, of id: BlobID) async throws(CatalogError) -> Bool {
    if try await catalog.put(part, of: id) { return true }
    try await watch.verify()
    return false
  }

  package func claim(_ id: BlobID, lifetime: Duration) async throws(CatalogError) -> PendingUpload? {
    // A catalog that went back may know uploads again that were completed.
    try await watch.verify()
    return try await catalog.claim(id, lifetime: lifetime)
  }

  package func release(_ id: BlobID) async throws(CatalogError) { try await catalog.release(id) }

  package func forget(_ id: BlobID) async throws(CatalogError) { try await catalog.forget(id) }

  package func uploads(_ range: UploadRange, limit: Int) async throws(CatalogError) -> [PendingUpload] {
    let uploads = try await catalog.uploads(range, limit: limit)
    if uploads.count < limit { try await watch.verify() }
    return uploads
  }
}
