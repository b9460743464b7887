package import CairnModel

/// What a request wants to do, as far as it matters for whether it may.
package enum S3Action: Hashable, Sendable {
  case listBuckets
  case createBucket
  /// To list a bucket, or to look at what it is.
  case listObjects
  case readObject
  /// To see the labels of an object, which are not public where its bytes are.
  case readTags
  case writeObject
  /// To change or delete the bucket itself, or to look at who may do what.
  case ownBucket
}

/// The one place that decides who may do what.
package enum S3Access {
  /// - Parameters:
  ///   - bucket: that the action is about; nil for the actions on all of them.
  ///   - object: that the action is about, where there is one.
  package static func allow(
    _ identity: S3Identity, _ action: S3Action, bucket: Bucket? = nil, object: ObjectMetadata? = nil
  ) -> Bool {
    if isPublic(action, bucket, object) { return true }
    switch identity {
    case .unrestricted: return true
    case .anonymous: return false
    case .key(let id, let grants):
      guard let bucket else {
        // Those that the key may not see are left out of the list.
        return action == .listBuckets || grants.everywhere.contains(.owner)
      }
      if bucket.owner == id { return true }
      return grants.permissions(in: bucket.name).contains(needed(for: action))
    }
  }

  private static func needed(for action: S3Action) -> S3Permissions {
    switch action {
    case .listObjects, .readObject, .readTags: .read
    case .writeObject: .write
    case .ownBucket, .listBuckets, .createBucket: .owner
    }
  }

  /// What an object says of itself counts more than what its bucket says.
  private static func isPublic(_ action: S3Action, _ bucket: Bucket?, _ object: ObjectMetadata?) -> Bool {
    switch action {
    case .readObject: (object?.access ?? bucket?.access ?? .none) == .read
    case .listObjects: bucket?.access == .read
    case .readTags, .writeObject, .ownBucket, .listBuckets, .createBucket: false
    }
  }
}
