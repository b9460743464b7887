internal import CairnHTTP
internal import CairnModel
internal import Foundation
internal import NIOHTTP1

/// `Repr-Digest` (RFC 9530): the SHA-256 of a file's bytes, so that either side notices what changed on the way.
enum ReprDigest {
  static let field = "Repr-Digest"
  private static let wanted = "Want-Repr-Digest"
  private static let algorithm = "sha-256"
  private static let length = 32

  /// Whether a request asks for the digest in the answer.
  static func isWanted(_ headers: HTTPHeaders) -> Bool {
    headers[canonicalForm: wanted].contains { $0.lowercased().utf8.starts(with: algorithm.utf8) }
  }

  static func value(_ sha256: CairnModel.Digest) -> String {
    "\(algorithm)=:\(Data(sha256.bytes).base64EncodedString()):"
  }

  /// The SHA-256 that a client says its body has, before the body or after it; nil where it doesn't say.
  static func sha256(_ request: HTTPRequest) throws(APIError) -> CairnModel.Digest? {
    for item in request.headers[canonicalForm: field] + request.body.trailers[canonicalForm: field] {
      guard let equals = item.firstIndex(of: "="), item[..<equals].lowercased() == algorithm else { continue }
      let value = item[item.index(after: equals)...]
      guard value.count > 2, value.first == ":", value.last == ":",
        let bytes = Data(base64Encoded: String(value.dropFirst().dropLast())), bytes.count == length
      else {
        throw APIError(.badRequest, "\(field) is '\(item)', allowed is \(algorithm)=:BASE64: of \(length) bytes")
      }
      return CairnModel.Digest(Array(bytes))
    }
    return nil
  }
}
