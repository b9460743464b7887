package import CairnModel

/// Which access keys own buckets because they created them.
package protocol BucketOwners: Sendable {
  /// Every bucket that a key owns, in order of their names.
  func owned() async throws(APIError) -> [(bucket: BucketName, owner: AccessKeyID)]

  /// Whether a key owns a bucket.
  func owns(_ key: AccessKeyID, _ bucket: BucketName) async throws(APIError) -> Bool

  /// Makes a bucket the administrators', if a key owns it.
  func disown(_ bucket: BucketName, by key: AccessKeyID) async throws(APIError)
}
