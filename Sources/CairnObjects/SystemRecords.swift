internal import CairnCatalog
package import CairnModel

/// What Cairn keeps for itself of one kind, such as buckets or access keys: each an object without bytes in
/// ``BucketName/system``, whose metadata is all that there is to it. So they are on every replica, and are recovered and
/// copied with the catalog.
package struct SystemRecords: Sendable {
  package struct Record: Sendable {
    /// Unique among those of its kind.
    package var name: String
    package var metadata: ObjectMetadata
    /// When what it is about was made: the record itself is a new one after each change.
    package var createdAt: Timestamp
    /// Of the record, for ``ConflictRule/replace(_:)``.
    package var version: BlobID
  }

  private static let createdField = "created"

  private let objects: ObjectService
  /// What their keys begin with.
  private let prefix: String

  /// - Parameter kind: tells them from those of other kinds.
  package init(_ kind: String, in objects: ObjectService) {
    self.objects = objects
    prefix = kind + "/"
  }

  /// nil where there is none.
  package func find(_ name: String) async throws(ObjectError) -> Record? {
    guard let place = place(name), let object = try await objects.object(place) else { return nil }
    return Record(name, object)
  }

  /// All of them, in order of their names.
  package func all() async throws(ObjectError) -> [Record] {
    var records: [Record] = []
    var query = ListQuery(prefix: prefix, limit: CatalogLimits.pageLengthMax)
    while true {
      let page = try await objects.list(.system, query)
      for entry in page.entries {
        let name = String(Substring(entry.key.text.utf8.dropFirst(prefix.utf8.count)))
        records.append(Record(name, entry.object))
      }
      guard let next = page.nextStartAfter else { return records }
      query.startAfter = next
    }
  }

  /// Makes a record, or another version of it.
  ///
  /// - Returns: its version; nil where the rule forbids it.
  package func put(
    _ name: String, _ metadata: ObjectMetadata, createdAt: Timestamp, _ rule: ConflictRule
  ) async throws(ObjectError) -> BlobID? {
    guard let place = place(name) else { throw .failed("'\(name)' can't be the name of a record") }
    var metadata = metadata
    metadata.user.append(.init(Self.createdField, String(createdAt.nanosecondsSinceEpoch)))
    do throws(ObjectError) {
      return try await objects.put(
        place, BodySource(length: 0, next: { nil }),
        UploadDescription(contentType: "application/octet-stream", metadata: metadata), onConflict: rule
      ).object.head.blob
    } catch {
      if case .conditionFailed = error { return nil }
      throw error
    }
  }

  /// - Parameter version: the one to delete; nil for any.
  /// - Returns: false where there was none.
  package func delete(_ name: String, expecting version: BlobID? = nil) async throws(ObjectError) -> Bool {
    guard let place = place(name) else { return false }
    return try await objects.delete(place, expecting: version)
  }

  /// nil for what can't be a name.
  private func place(_ name: String) -> ObjectName? {
    (try? ObjectKey(prefix + name)).map { ObjectName(bucket: .system, key: $0) }
  }
}

extension SystemRecords.Record {
  fileprivate init(_ name: String, _ object: StoredObject) {
    let attributes = object.attributes
    self.name = name
    metadata = attributes.metadata
    createdAt =
      metadata[user: SystemRecords.createdField].flatMap { UInt64($0) }.map(Timestamp.init(nanosecondsSinceEpoch:))
      ?? attributes.createdAt
    version = object.head.blob
  }
}
