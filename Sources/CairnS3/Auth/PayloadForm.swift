package import CairnModel

/// What `x-amz-content-sha256` says of a body.
package enum PayloadForm: Hashable, Sendable {
  /// SHA-256 of all bytes.
  case hashed(Digest)
  case unsigned
  /// Chunks of `aws-chunked`, each with a signature.
  case signedChunks(hasTrailer: Bool)
  /// Chunks of `aws-chunked` without signatures, with a trailer.
  case unsignedChunks

  static let unsignedText = "UNSIGNED-PAYLOAD"
  static let signedChunksText = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
  static let signedChunksWithTrailerText = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
  static let unsignedChunksText = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
  /// SHA-256 of nothing.
  static let emptyHashText = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
  /// Every value that is not a hash.
  static let names = [unsignedText, unsignedChunksText, signedChunksText, signedChunksWithTrailerText]

  /// - Throws: ``SignatureError/badPayloadHash(_:)``.
  package init(_ text: String) throws(SignatureError) {
    switch text {
    case Self.unsignedText: self = .unsigned
    case Self.signedChunksText: self = .signedChunks(hasTrailer: false)
    case Self.signedChunksWithTrailerText: self = .signedChunks(hasTrailer: true)
    case Self.unsignedChunksText: self = .unsignedChunks
    default:
      guard text.utf8.count == 64, let hash = bytes(hexadecimal: text) else { throw .badPayloadHash(text) }
      self = .hashed(Digest(hash))
    }
  }
}
