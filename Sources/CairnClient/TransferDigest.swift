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
  /// nil where the server doesn't know it: of a file that came in parts, through S3.
  package let md5: String?
  /// nil where the server doesn't tell it.
  package let sha256: String?

  init(md5: String?, sha256: String?) {
    self.md5 = md5
    self.sha256 = sha256
  }

  /// - Parameter etag: with its quotes; the MD5, unless it is one of parts.
  init(etag: String, sha256: String?) {
    let text = String(etag.filter { $0 != "\"" })
    self.init(md5: text.contains("-") ? nil : text, sha256: sha256)
  }

  /// Whether all that are known in both are the same.
  package func agree(with other: Checksums) -> Bool {
    (md5 == nil || other.md5 == nil || md5 == other.md5)
      && (sha256 == nil || other.sha256 == nil || sha256 == other.sha256)
  }

  /// Whether they tell that the bytes are the same: some are known in both, and agree.
  package func prove(_ other: Checksums) -> Bool {
    agree(with: other) && (md5 != nil && other.md5 != nil || sha256 != nil && other.sha256 != nil)
  }
}

/// The SHA-256 of a whole, as it goes with uploads and downloads (RFC 9530).
enum ReprDigest {
  static let field = "Repr-Digest"
  private static let prefix: ByteText = "sha-256=:"

  /// - Parameter sha256: hexadecimal; nil for no field.
  static func fields(_ sha256: String?) -> HTTPHeaders {
    guard let bytes = sha256.flatMap({ bytes(hexadecimal: $0) }) else { return [:] }
    return [field: "\(prefix)\(Data(bytes).base64EncodedString()):"]
  }

  /// The hexadecimal SHA-256 of an answer; nil where it tells none.
  static func sha256(_ headers: HTTPHeaders) -> String? {
    guard let value = headers.first(name: field), let encoded = ByteText(value).dropping(prefix)?.string,
      encoded.utf8.last == UInt8(ascii: ":")
    else { return nil }
    return Data(base64Encoded: String(encoded.dropLast())).map { hexadecimalString(Array($0)) }
  }
}
