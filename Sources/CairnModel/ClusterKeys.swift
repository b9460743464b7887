internal import Crypto
internal import Foundation
internal import Synchronization

/// The keys of a cluster, one for each purpose, so that none is of use for another one.
///
/// They are derived from the cluster's secret in two steps: PBKDF2-HMAC-SHA256 makes each guess at a secret that a person
/// thought up cost as much as ``iterations`` HMACs, HKDF-SHA256 then makes a key for each purpose. The first step is taken
/// once in a process, when the first key is wanted. Every member has to get the same keys from the secret alone, so the
/// salt is the same in all clusters.
package final class ClusterKeys: Sendable {
  package enum Purpose: String, CaseIterable, Sendable {
    /// ``NodeTokens``.
    case nodeTokens = "cairn node tokens"
    /// Encryption of the secrets of access keys.
    case accessKeySecrets = "cairn access key secrets"
  }

  /// About 40 ms of one processor when a process starts.
  package static let iterations = 50_000
  private static let salt = Array("cairn cluster secret 1".utf8)
  private static let keyBytes = 32

  private let secret: ClusterSecret
  private let stretched = Mutex<[UInt8]?>(nil)

  package init(_ secret: ClusterSecret) {
    self.secret = secret
  }

  /// 256 bits. The first call takes as long as the stretching of the secret: not for an event loop.
  package func key(for purpose: Purpose) -> [UInt8] {
    let material = stretched.withLock { stretched in
      if let stretched { return stretched }
      let made = Self.stretch(Array(secret.text.utf8), salt: Self.salt, iterations: Self.iterations)
      stretched = made
      return made
    }
    return HKDF<SHA256>.deriveKey(
      inputKeyMaterial: SymmetricKey(data: material), salt: [UInt8](), info: Array(purpose.rawValue.utf8),
      outputByteCount: Self.keyBytes
    ).withUnsafeBytes { Array($0) }
  }

  package var nodeTokens: NodeTokens { NodeTokens(key: key(for: .nodeTokens)) }

  /// PBKDF2 with HMAC-SHA256 (RFC 8018, 5.2), its first 32 bytes. By hand, because swift-crypto 3.0 has none.
  package static func stretch(_ password: [UInt8], salt: [UInt8], iterations: Int) -> [UInt8] {
    let keyed = HMAC<SHA256>(key: SymmetricKey(data: password))
    var hmac = keyed
    (salt + [0, 0, 0, 1]).withUnsafeBytes { hmac.update(data: $0) }
    var block = hmac.finalize()
    var key = Array(block)
    for _ in 1..<max(1, iterations) {
      hmac = keyed
      block.withUnsafeBytes { hmac.update(data: $0) }
      block = hmac.finalize()
      block.withUnsafeBytes { bytes in
        for index in key.indices { key[index] ^= bytes[index] }
      }
    }
    return key
  }
}
