internal import CairnModel

/// How keys are kept: each is an object without bytes in ``BucketName/system``, whose metadata says what it is.
extension AccessKey {
  static let keyPrefix = "key/"

  private static let createdField = "created"
  private static let secretField = "secret"
  private static let grantPrefix = "grant:"
  private static let everywhere = "*"

  /// Where the record of a key is.
  static func record(of id: AccessKeyID) throws(AccessKeyError) -> ObjectName {
    do throws(InvalidName) {
      return ObjectName(bucket: .system, key: try ObjectKey(keyPrefix + id.text))
    } catch {
      throw .noSuchKey(id)
    }
  }

  /// - Parameter sealed: the encrypted secret.
  func metadata(sealed: String) -> ObjectMetadata {
    var metadata = ObjectMetadata()
    metadata.user = [
      .init(Self.createdField, String(createdAt.nanosecondsSinceEpoch)), .init(Self.secretField, sealed),
    ]
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
  init?(_ id: AccessKeyID, _ record: ObjectAttributes, open: (String) -> String?) {
    let metadata = record.metadata
    guard let secret = metadata[user: Self.secretField].flatMap(open) else { return nil }
    self.init(id: id, secret: secret, createdAt: Self.createdAt(record), grants: Self.grants(metadata))
  }

  /// When the key was made: its record is a new one after each change of its grants.
  static func createdAt(_ record: ObjectAttributes) -> Timestamp {
    record.metadata[user: createdField].flatMap { UInt64($0) }.map(Timestamp.init(nanosecondsSinceEpoch:))
      ?? record.createdAt
  }

  static func grants(_ metadata: ObjectMetadata) -> S3Grants {
    var grants = S3Grants()
    for field in metadata.user where field.name.hasPrefix(Self.grantPrefix) {
      // What a newer version may grant is not granted here.
      let permissions = field.value.split(separator: ",").compactMap { S3Permissions(word: $0) }
      let bucket = String(field.name.dropFirst(Self.grantPrefix.count))
      if bucket == Self.everywhere {
        grants.everywhere = S3Permissions(permissions)
      } else if let name = try? BucketName(bucket) {
        grants.buckets[name] = S3Permissions(permissions)
      }
    }
    return grants
  }
}
