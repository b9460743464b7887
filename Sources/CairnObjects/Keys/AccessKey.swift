package import CairnModel

/// A key that clients sign requests with.
package struct AccessKey: Hashable, Sendable {
  package let id: AccessKeyID
  package let secret: String
  package let createdAt: Timestamp
  package var grants: S3Grants

  package init(id: AccessKeyID, secret: String, createdAt: Timestamp = .now(), grants: S3Grants = S3Grants()) {
    self.id = id
    self.secret = secret
    self.createdAt = createdAt
    self.grants = grants
  }

  /// May do everything, to the cluster too.
  package var isAdministrator: Bool { grants.everywhere == .all }

  /// Whether `text` is the secret. Takes the same time wherever the difference is.
  package func hasSecret(_ text: some StringProtocol) -> Bool {
    guard text.utf8.count == secret.utf8.count else { return false }
    return zip(text.utf8, secret.utf8).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }

  /// A new key with a random id and secret.
  package static func random(grants: S3Grants = S3Grants()) -> AccessKey {
    AccessKey(
      id: AccessKeyID("CK" + text(idCharacters, count: 18)), secret: text(secretCharacters, count: 40), grants: grants)
  }

  /// Characters of an id.
  package static let idLength = 3...128
  /// Characters of a secret.
  package static let secretLength = 8...256
  /// What an id may be, for people.
  package static let idAllowed = "\(idLength.lowerBound) to \(idLength.upperBound) letters, digits, '-' and '_'"
  /// What a secret may be, for people.
  package static let secretAllowed =
    "\(secretLength.lowerBound) to \(secretLength.upperBound) printable ASCII characters without spaces"

  package static func isAllowed(id: String) -> Bool {
    idLength.contains(id.utf8.count)
      && id.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
  }

  package static func isAllowed(secret: String) -> Bool {
    secretLength.contains(secret.utf8.count) && secret.utf8.allSatisfy { (0x21...0x7E).contains($0) }
  }

  private static let idCharacters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
  private static let secretCharacters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")

  private static func text(_ characters: [Character], count: Int) -> String {
    String((0..<count).compactMap { _ in characters.randomElement() })
  }
}

/// Why something can't be done with a key.
package enum AccessKeyError: Error, CustomStringConvertible {
  case noSuchKey(AccessKeyID)
  /// The key is one of the configuration.
  case configured(AccessKeyID)
  /// There is nothing that secrets could be encrypted with.
  case noSealingSecret
  /// The secret of a key was encrypted with another cluster secret, or was changed.
  case unreadable(AccessKeyID)
  case store(ObjectError)

  package var description: String {
    switch self {
    case .noSuchKey(let id): "there is no access key '\(id)'"
    case .configured(let id): "the access key '\(id)' is that of ACCESS_KEY: change the configuration"
    case .noSealingSecret:
      "CLUSTER_SECRET is not set: there is nothing to encrypt the secrets of access keys with"
    case .unreadable(let id):
      "the secret of the access key '\(id)' can't be decrypted: it was made with another CLUSTER_SECRET"
    case .store(let error): "\(error)"
    }
  }
}
