package import CairnModel
internal import NIOCore

/// Some of the uploads of a catalog, in order of bucket, key and id.
///
/// Bounds over names of uploads: bucket, NUL, key, NUL, the id in the order of its bytes. Neither buckets nor keys have a
/// NUL, so that the order of the names' bytes is that of buckets, keys and ids.
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
    UploadRange(lower: Self.name(of: last.id, last.name) + [0], upper: upper, includesClaimed: includesClaimed)
  }

  /// Uploads to names that start with `prefix`.
  package init(_ bucket: BucketName, prefix: String = "") {
    let start = Self.start(bucket)
    let lower = start + prefix.utf8
    self.init(lower: lower, upper: ListRange.end(of: lower), includesClaimed: false)
  }

  /// Those to keys greater than `key`, and to `key` itself where they are later than `upload`.
  package func after(_ key: String, _ upload: BlobID?, in bucket: BucketName) -> UploadRange {
    let key = Self.start(bucket) + key.utf8
    return from(upload.map { key + [0] + Self.bytes($0) + [0] } ?? key + [1])
  }

  /// Those to keys that do not start with `prefix`, and come after those that do.
  package func after(keysWith prefix: String, in bucket: BucketName) -> UploadRange {
    from(ListRange.end(of: Self.start(bucket) + prefix.utf8))
  }

  private func from(_ start: [UInt8]) -> UploadRange {
    UploadRange(
      lower: lower.lexicographicallyPrecedes(start) ? start : lower, upper: upper, includesClaimed: includesClaimed)
  }

  static func name(of id: BlobID, _ name: ObjectName) -> [UInt8] {
    start(name.bucket) + name.key.text.utf8 + [0] + bytes(id)
  }

  private static func start(_ bucket: BucketName) -> [UInt8] { Array(bucket.text.utf8) + [0] }

  private static func bytes(_ id: BlobID) -> [UInt8] { Array(ByteBuffer(ordered: id).readableBytesView) }
}
