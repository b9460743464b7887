package import CairnModel
internal import NIOCore

/// Some of the uploads of a catalog, in order of bucket, key and id.
///
/// Bounds over names of uploads: bucket, NUL, the bucket's creation time in eight bytes, key, NUL, id; numbers have their
/// highest byte first. Neither buckets nor keys have a NUL, so the names sort by bucket, key and id. The creation time
/// keeps uploads of a deleted bucket out of the lists of a bucket that was created later under the same name.
package struct UploadRange: Hashable, Sendable {
  /// The first name that is in it.
  let lower: [UInt8]
  /// The first name that is not.
  let upper: [UInt8]
  /// Also those that are claimed.
  let includesClaimed: Bool

  /// Everything that keeps chunks from being orphans.
  package static let all = UploadRange(lower: [], upper: [0xFF], includesClaimed: true)

  private init(lower: [UInt8], upper: [UInt8], includesClaimed: Bool) {
    self.lower = lower
    self.upper = upper
    self.includesClaimed = includesClaimed
  }

  /// What comes after `last` in this range.
  package func after(_ last: PendingUpload) -> UploadRange {
    UploadRange(lower: Self.name(of: last) + [0], upper: upper, includesClaimed: includesClaimed)
  }

  /// Uploads to names that start with `prefix`.
  package init(_ bucket: BucketIdentity, prefix: String = "") {
    let start = Self.start(bucket)
    let lower = start + prefix.utf8
    self.init(lower: lower, upper: ListRange.end(of: lower), includesClaimed: false)
  }

  /// Those to keys greater than `key`, and to `key` itself where they are later than `upload`.
  package func after(_ key: String, _ upload: BlobID?, in bucket: BucketIdentity) -> UploadRange {
    let key = Self.start(bucket) + key.utf8
    return from(upload.map { key + [0] + Self.bytes($0) + [0] } ?? key + [1])
  }

  /// Those to keys that do not start with `prefix`, and come after those that do.
  package func after(keysWith prefix: String, in bucket: BucketIdentity) -> UploadRange {
    from(ListRange.end(of: Self.start(bucket) + prefix.utf8))
  }

  private func from(_ start: [UInt8]) -> UploadRange {
    UploadRange(
      lower: lower.lexicographicallyPrecedes(start) ? start : lower, upper: upper, includesClaimed: includesClaimed)
  }

  static func name(of upload: PendingUpload) -> [UInt8] {
    start(upload.bucket) + upload.name.key.text.utf8 + [0] + bytes(upload.id)
  }

  private static func start(_ bucket: BucketIdentity) -> [UInt8] {
    let createdAt = ByteBuffer(integer: bucket.createdAt.nanosecondsSinceEpoch)
    return Array(bucket.name.text.utf8) + [0] + createdAt.readableBytesView
  }

  private static func bytes(_ id: BlobID) -> [UInt8] { Array(ByteBuffer(ordered: id).readableBytesView) }
}
