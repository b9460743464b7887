internal import CairnHTTP
package import CairnModel
internal import CairnObjects
internal import NIOHTTP1

/// Proves that a caller can read this server's storage path: it may administer access keys, and nothing else.
package struct LocalKey: Sendable {
  /// The field of an answer that names the file with the secret, percent-encoded.
  package static let fileField = "X-Cairn-Key-File"
  /// No access key can have this id.
  package static let id = AccessKeyID("@local")

  /// Where `cairn key` finds the secret.
  package let file: String
  private let key: AccessKey

  /// - Parameter secret: random, and only in `file`.
  package init(file: String, secret: String) {
    self.file = file
    key = AccessKey(id: Self.id, secret: secret)
  }

  /// What callers send as `Authorization: Bearer …`.
  package var token: String { "\(key.id):\(key.secret)" }

  func has(secret: Substring) -> Bool { key.hasSecret(secret) }

  /// The fields that tell a program on the same machine where the secret is.
  var fields: HTTPHeaders { [Self.fileField: PercentCoding.encode(file, alsoAllowed: "/")] }
}
