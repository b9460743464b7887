internal import CairnModel
internal import CairnObjects

/// How buckets are kept: each is an object without bytes in ``BucketName/system``, whose metadata says what it is.
extension Bucket {
  static let keyPrefix = "bucket/"

  private static let createdField = "created"
  private static let ownerField = "owner"
  private static let deletingField = "deleting"

  /// Where the record of a bucket is.
  static func record(of name: BucketName) throws(S3Error) -> ObjectName {
    ObjectName(bucket: .system, key: try S3Resource.key(keyPrefix + name.text))
  }

  /// - Parameter deletingSince: when somebody began to delete the bucket, nil where nobody does.
  func metadata(deletingSince: Timestamp? = nil) -> ObjectMetadata {
    var metadata = ObjectMetadata()
    metadata.user = [.init(Self.createdField, String(createdAt.nanosecondsSinceEpoch))]
    if let owner { metadata.user.append(.init(Self.ownerField, owner.text)) }
    if let deletingSince {
      metadata.user.append(.init(Self.deletingField, String(deletingSince.nanosecondsSinceEpoch)))
    }
    metadata.tags = tags
    metadata.access = access
    return metadata
  }

  /// Reads what ``metadata(deletingSince:)`` made.
  init(_ name: BucketName, _ record: ObjectAttributes) {
    let metadata = record.metadata
    self.init(
      name: name,
      createdAt: metadata[user: Self.createdField].flatMap { UInt64($0) }.map(Timestamp.init(nanosecondsSinceEpoch:))
        ?? record.createdAt,
      owner: metadata[user: Self.ownerField].map { AccessKeyID($0) }, access: metadata.access ?? .none,
      tags: metadata.tags)
  }

  static func isBeingDeleted(_ record: ObjectAttributes) -> Bool {
    record.metadata[user: deletingField] != nil
  }
}
