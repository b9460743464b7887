package import CairnModel

/// A bucket as S3 knows it.
package struct Bucket: Hashable, Sendable {
  package var name: BucketName
  package var createdAt: Timestamp
  /// Who created it; nil where that was nobody with a key.
  package var owner: AccessKeyID?
  package var access: PublicAccess
  package var tags: [ObjectMetadata.Pair]

  package init(
    name: BucketName, createdAt: Timestamp, owner: AccessKeyID? = nil, access: PublicAccess = .none,
    tags: [ObjectMetadata.Pair] = []
  ) {
    self.name = name
    self.createdAt = createdAt
    self.owner = owner
    self.access = access
    self.tags = tags
  }

  var identity: BucketIdentity { BucketIdentity(name, createdAt: createdAt) }
}
