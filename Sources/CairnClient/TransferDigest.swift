internal import CairnModel
internal import Crypto
internal import Foundation
internal import NIOCore

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

  /// `Repr-Digest`, as it goes with an upload.
  var header: String? {
    sha256.flatMap { bytes(hexadecimal: $0) }.map { "sha-256=:\(Data($0).base64EncodedString()):" }
  }

  /// The SHA-256 in a `Repr-Digest`.
  static func sha256(header: String) -> String? {
    let prefix = "sha-256=:"
    guard header.hasPrefix(prefix), header.hasSuffix(":"), header.count > prefix.count else { return nil }
    return Data(base64Encoded: String(header.dropFirst(prefix.count).dropLast())).map { hexadecimalString(Array($0)) }
  }
}
