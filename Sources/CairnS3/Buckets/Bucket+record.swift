internal import CairnModel
internal import CairnObjects

/// How buckets are kept, as ``SystemRecords``.
extension Bucket {
  static let recordKind = "bucket"

  private static let ownerField = "owner"
  private static let deletingField = "deleting"

  /// - Parameter deletingSince: when somebody began to delete the bucket, nil where nobody does.
  func metadata(deletingSince: Timestamp? = nil) -> ObjectMetadata {
    var metadata = ObjectMetadata()
    if let owner { metadata.user.append(.init(Self.ownerField, owner.text)) }
    if let deletingSince {
      metadata.user.append(.init(Self.deletingField, String(deletingSince.nanosecondsSinceEpoch)))
    }
    metadata.tags = tags
    metadata.access = access
    return metadata
  }

  /// Reads what ``metadata(deletingSince:)`` made.
  ///
  /// - Returns: nil where the record's name is none of a bucket.
  init?(_ record: SystemRecords.Record) {
    guard let name = try? BucketName(record.name) else { return nil }
    let metadata = record.metadata
    self.init(
      name: name, createdAt: record.createdAt, owner: metadata[user: Self.ownerField].map { AccessKeyID($0) },
      access: metadata.access ?? .none, tags: metadata.tags)
  }

  static func isBeingDeleted(_ record: SystemRecords.Record) -> Bool {
    record.metadata[user: deletingField] != nil
  }
}
