internal import CairnModel
internal import Foundation
internal import NIOHTTP1

/// `Content-MD5`: the MD5 that a body must have (RFC 1864).
enum ContentMD5 {
  private static let length = 16

  /// - Returns: nil where the client doesn't say.
  /// - Throws: `InvalidDigest`.
  static func value(_ headers: HTTPHeaders) throws(S3Error) -> CairnModel.Digest? {
    guard let text = headers.first(name: "content-md5") else { return nil }
    guard let bytes = Data(base64Encoded: text), bytes.count == length else {
      throw S3Error(
        .invalidDigest, "The Content-MD5 you specified is not valid.", details: [.init("Content-MD5", text)])
    }
    return CairnModel.Digest(Array(bytes))
  }
}
