package import CairnHTTP
package import CairnModel
package import CairnObjects

/// Finds out who sends a request, and that nobody changed it on its way.
package protocol S3Authenticator: Sendable {
  /// Who sends a request. One that isn't signed is of ``S3Identity/anonymous``.
  ///
  /// - Throws: where a signature is wrong, too old, or by a key that there is not.
  func authenticate(_ request: HTTPRequest) async throws(S3Error) -> S3Identity

  /// The bytes of a request's body, without what the scheme of its signature lays around them. The source verifies them
  /// while they are read; what it throws then is an ``S3Error``.
  func body(of request: HTTPRequest, _ identity: S3Identity) throws(S3Error) -> BodySource
}

/// The public name of an access key.
package struct AccessKeyID: Hashable, Sendable, CustomStringConvertible {
  package let text: String

  package init(_ text: String) {
    self.text = text
  }

  package var description: String { text }
}

/// What the holder of a key may do with a bucket.
package struct S3Permissions: OptionSet, Hashable, Sendable {
  package let rawValue: UInt8

  package init(rawValue: UInt8) {
    self.rawValue = rawValue
  }

  /// To list and to read objects.
  package static let read = S3Permissions(rawValue: 1)
  /// To put and to delete objects.
  package static let write = S3Permissions(rawValue: 2)
  /// To change and to delete the bucket itself; says nothing of its objects.
  package static let owner = S3Permissions(rawValue: 4)
  package static let all: S3Permissions = [.read, .write, .owner]
}

/// What a key may do.
package struct S3Grants: Hashable, Sendable {
  /// In every bucket, also those to come; with ``S3Permissions/owner`` also to create some.
  package var everywhere: S3Permissions
  package var buckets: [BucketName: S3Permissions]

  package init(everywhere: S3Permissions = [], buckets: [BucketName: S3Permissions] = [:]) {
    self.everywhere = everywhere
    self.buckets = buckets
  }

  package func permissions(in bucket: BucketName) -> S3Permissions {
    everywhere.union(buckets[bucket] ?? [])
  }
}

/// Who sends a request.
package enum S3Identity: Hashable, Sendable {
  /// Somebody without a key: may do what is public.
  case anonymous
  /// The holder of a key.
  case key(AccessKeyID, S3Grants)
  /// Somebody who is not asked for a key where none is needed: may do everything.
  case unrestricted
}
