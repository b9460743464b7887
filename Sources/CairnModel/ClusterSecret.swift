internal import Crypto
internal import Foundation

/// Proves that a request to a node comes from its cluster: an HMAC-SHA256, keyed with `CLUSTER_SECRET`, over method,
/// path, node and time.
package struct ClusterSecret: Sendable {
  /// Seconds that a token may be off the node's clock, either way.
  package static let toleranceSeconds: UInt64 = 300
  private static let scheme = "Cairn "

  private let secret: [UInt8]

  package init(_ secret: String) {
    self.secret = Array(secret.utf8)
  }

  /// The value of `Authorization` for a request.
  package func authorization(method: String, path: String, node: NodeID, at time: Timestamp = .now()) -> String {
    let seconds = time.secondsSinceEpoch
    let code = HMAC<SHA256>.authenticationCode(for: Self.message(method, path, node, seconds), using: key)
    return "\(Self.scheme)\(seconds):\(hexadecimalString(Array(code)))"
  }

  /// Whether `authorization` was made for this request, by someone who knows the secret, and lately. The comparison
  /// takes the same time wherever the difference is.
  package func accepts(
    _ authorization: String?, method: String, path: String, node: NodeID, at time: Timestamp = .now()
  ) -> Bool {
    guard let authorization, authorization.hasPrefix(Self.scheme) else { return false }
    let parts = authorization.dropFirst(Self.scheme.count).split(separator: ":")
    guard parts.count == 2, let seconds = UInt64(parts[0]), let code = bytes(hexadecimal: parts[1]) else {
      return false
    }
    let now = time.secondsSinceEpoch
    guard max(now, seconds) - min(now, seconds) <= Self.toleranceSeconds else { return false }
    return HMAC<SHA256>.isValidAuthenticationCode(
      code, authenticating: Self.message(method, path, node, seconds), using: key)
  }

  private var key: SymmetricKey { SymmetricKey(data: secret) }

  private static func message(_ method: String, _ path: String, _ node: NodeID, _ seconds: UInt64) -> [UInt8] {
    Array("\(method)\n\(path)\n\(node)\n\(seconds)".utf8)
  }
}
