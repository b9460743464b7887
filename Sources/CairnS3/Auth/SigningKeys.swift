internal import CairnModel
internal import Crypto
internal import Synchronization

/// What signatures of a day, a region and a service are made with.
///
/// `@unchecked`: Crypto's HMAC is a value that is not marked Sendable.
package struct SigningKey: @unchecked Sendable {
  /// With the key and without a text: copied for each signature.
  private let empty: HMAC<SHA256>

  /// - Parameter secret: of the access key.
  package init(secret: String, scope: CredentialScope) {
    var key = Array("AWS4\(secret)".utf8)
    for part in [scope.date, scope.region, scope.service, CredentialScope.terminator] {
      key = Array(HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: SymmetricKey(data: key)))
    }
    empty = HMAC<SHA256>(key: SymmetricKey(data: key))
  }

  /// Whether `signature`, as hexadecimal digits, is that of a text. Takes the same time wherever the difference is.
  func isValid(_ signature: String, for text: [UInt8]) -> Bool {
    guard signature.utf8.count == 64, let code = CairnModel.bytes(hexadecimal: signature) else { return false }
    var expected = empty
    text.withUnsafeBytes { expected.update(data: $0) }
    return expected.finalize() == code
  }
}

/// The keys that signatures of a day are made with: derived once, then kept, as deriving one costs four HMACs.
package final class SigningKeys: Sendable {
  /// Far more than sign in a day on most clusters; past it, all are derived anew.
  private static let countMax = 4096

  private struct Place: Hashable {
    var accessKeyID: String
    var scope: CredentialScope
  }

  private struct Entry {
    /// A key that was derived from another secret is of no use.
    var secret: String
    var key: SigningKey
  }

  private let entries = Mutex<[Place: Entry]>([:])

  package init() {}

  package func key(for credential: SigningCredential, secret: String) -> SigningKey {
    let place = Place(accessKeyID: credential.accessKeyID, scope: credential.scope)
    if let entry = entries.withLock({ $0[place] }), entry.secret == secret { return entry.key }
    let key = SigningKey(secret: secret, scope: credential.scope)
    entries.withLock { entries in
      if entries.count >= Self.countMax { entries.removeAll(keepingCapacity: true) }
      entries[place] = Entry(secret: secret, key: key)
    }
    return key
  }

  /// The key that a signature of the same credential was verified with lately.
  package func known(_ credential: SigningCredential) -> SigningKey? {
    entries.withLock { $0[Place(accessKeyID: credential.accessKeyID, scope: credential.scope)]?.key }
  }
}
