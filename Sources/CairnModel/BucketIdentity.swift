/// One bucket, as opposed to another one that had its name before or gets it later.
package struct BucketIdentity: Hashable, Sendable {
  package var name: BucketName
  /// When the bucket was created. It never changes, and a bucket that is deleted and created again gets another one.
  package var createdAt: Timestamp

  package init(_ name: BucketName, createdAt: Timestamp) {
    self.name = name
    self.createdAt = createdAt
  }

  /// The bucket that always exists.
  package static let `default` = BucketIdentity(.default, createdAt: Timestamp(nanosecondsSinceEpoch: 0))
}
