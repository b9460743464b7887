internal import CairnModel
internal import Crypto
internal import Foundation
internal import NIOCore
internal import NIOHTTP1

/// MD5 and SHA-256 of what passes. Used by one transfer at a time.
package struct TransferDigest {
  private var md5 = Insecure.MD5()
  private var sha256 = SHA256()

  package init() {}

  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    md5.update(bufferPointer: bytes)
    sha256.update(bufferPointer: bytes)
  }

  var sums: Checksums {
    Checksums(
      md5: hexadecimalString(Array(md5.finalize())), sha256: hexadecimalString(Array(sha256.finalize())))
  }
}

/// Lower-case hexadecimal checksums of a file.
package struct Checksums: Hashable, Sendable {
  package let md5: String
  /// nil where the server doesn't tell it.
  package let sha256: String?

  /// Whether two that are known in both are the same. The MD5 always is.
  package func agree(with other: Checksums) -> Bool {
    md5 == other.md5 && (sha256 == nil || other.sha256 == nil || sha256 == other.sha256)
  }

}

/// The SHA-256 of a whole, as it goes with uploads and downloads (RFC 9530).
enum ReprDigest {
  static let field = "Repr-Digest"
  private static let prefix = "sha-256=:"

  /// - Parameter sha256: hexadecimal; nil for no field.
  static func fields(_ sha256: String?) -> HTTPHeaders {
    guard let bytes = sha256.flatMap({ bytes(hexadecimal: $0) }) else { return [:] }
    return [field: "\(prefix)\(Data(bytes).base64EncodedString()):"]
  }

  /// The hexadecimal SHA-256 of an answer; nil where it tells none.
  static func sha256(_ headers: HTTPHeaders) -> String? {
    guard let value = headers.first(name: field), value.hasPrefix(prefix), value.hasSuffix(":"),
      value.count > prefix.count
    else { return nil }
    return Data(base64Encoded: String(value.dropFirst(prefix.count).dropLast())).map { hexadecimalString(Array($0)) }
  }
}
