internal import CairnModel
internal import Crypto
internal import Foundation

/// Encrypts the secrets of access keys for their way to disks: AES-256-GCM, with a key that is derived from a secret
/// of the operator.
package struct SecretSeal: Sendable {
  private static let purpose = Array("cairn access keys 1".utf8)

  /// The newest first.
  private let keys: [[UInt8]]

  /// - Parameters:
  ///   - secret: what the key is derived from: 32 bytes that can't be guessed.
  ///   - older: secrets that were used before, only to decrypt.
  package init(_ secret: [UInt8], older: [[UInt8]] = []) {
    keys = ([secret] + older).map { secret in
      HKDF<SHA256>.deriveKey(
        inputKeyMaterial: SymmetricKey(data: secret), salt: [UInt8](), info: Self.purpose, outputByteCount: 32
      ).withUnsafeBytes { Array($0) }
    }
  }

  /// - Parameter id: whose secret it is: it can't be taken for that of another key.
  /// - Returns: hexadecimal digits.
  func seal(_ secret: String, of id: AccessKeyID) throws -> String {
    guard let key = keys.first else { throw AccessKeyError.noSealingSecret }
    let box = try AES.GCM.seal(Array(secret.utf8), using: SymmetricKey(data: key), authenticating: Array(id.text.utf8))
    return hexadecimalString(Array(box.nonce) + Array(box.ciphertext) + Array(box.tag))
  }

  /// nil where none of the keys fits, or the text was changed.
  func open(_ sealed: String, of id: AccessKeyID) -> String? {
    guard let bytes = bytes(hexadecimal: sealed), let box = try? AES.GCM.SealedBox(combined: bytes) else { return nil }
    for key in keys {
      guard let secret = try? AES.GCM.open(box, using: SymmetricKey(data: key), authenticating: Array(id.text.utf8))
      else { continue }
      return String(validating: secret, as: UTF8.self)
    }
    return nil
  }
}
