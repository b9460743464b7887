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

extension S3Permissions {
  private static let words: [(word: String, permission: S3Permissions)] = [
    ("read", .read), ("write", .write), ("owner", .owner),
  ]

  /// What each permission is called, for people.
  package static let allowed = "read, write, owner, or all"

  /// - Parameter word: `read`, `write`, `owner` or `all`; nil for anything else.
  package init?(word: some StringProtocol) {
    if word == "all" {
      self = .all
    } else if let found = Self.words.first(where: { $0.word == word }) {
      self = found.permission
    } else {
      return nil
    }
  }

  /// The words of the permissions.
  package var names: [String] { Self.words.filter { contains($0.permission) }.map(\.word) }

  /// The words of the permissions, with commas.
  package var text: String { names.joined(separator: ",") }
}
