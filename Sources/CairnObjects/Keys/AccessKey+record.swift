internal import CairnModel

/// How keys are kept, as ``SystemRecords``.
extension AccessKey {
  static let recordKind = "key"

  private static let secretField = "secret"
  private static let grantPrefix = "grant:"
  private static let everywhere = "*"

  /// - Parameter sealed: the encrypted secret.
  func metadata(sealed: String) -> ObjectMetadata {
    var metadata = ObjectMetadata()
    metadata.user = [.init(Self.secretField, sealed)]
    if !grants.everywhere.isEmpty {
      metadata.user.append(.init(Self.grantPrefix + Self.everywhere, grants.everywhere.text))
    }
    for (bucket, permissions) in grants.buckets.sorted(by: { $0.key.text < $1.key.text }) where !permissions.isEmpty {
      metadata.user.append(.init(Self.grantPrefix + bucket.text, permissions.text))
    }
    return metadata
  }

  /// Reads what ``metadata(sealed:)`` made.
  ///
  /// - Parameter open: decrypts the secret; nil where it can't.
  init?(_ record: SystemRecords.Record, open: (String) -> String?) {
    guard let secret = record.metadata[user: Self.secretField].flatMap(open) else { return nil }
    self.init(
      id: AccessKeyID(record.name), secret: secret, createdAt: record.createdAt, grants: Self.grants(record.metadata))
  }

  static func grants(_ metadata: ObjectMetadata) -> S3Grants {
    var grants = S3Grants()
    for field in metadata.user {
      guard let bucket = ByteText(field.name).dropping(ByteText(Self.grantPrefix))?.string else { continue }
      // What a newer version may grant is not granted here.
      let permissions = field.value.split(separator: ",").compactMap { S3Permissions(word: $0) }
      if bucket == Self.everywhere {
        grants.everywhere = S3Permissions(permissions)
      } else if let name = try? BucketName(bucket) {
        grants.buckets[name] = S3Permissions(permissions)
      }
    }
    return grants
  }
}
