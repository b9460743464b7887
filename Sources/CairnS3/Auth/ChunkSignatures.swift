internal import Crypto
internal import CairnModel
internal import NIOCore
internal import NIOHTTP1

/// The signatures of a body's chunks: each covers the one before, the first that of the request's head.
package struct ChunkSignatures {
  private static let chunkAlgorithm = "AWS4-HMAC-SHA256-PAYLOAD"
  private static let trailerAlgorithm = "AWS4-HMAC-SHA256-TRAILER"

  private let key: SigningKey
  private let accessKeyID: String
  /// Time and scope, as each string to sign has them.
  private let place: String
  private var previous: String
  private var announced = ""
  private var hash = SHA256()

  /// - Parameters:
  ///   - claim: the verified signature of the request's head.
  ///   - key: that verified it.
  package init(_ claim: SignatureClaim, key: SigningKey) {
    self.key = key
    accessKeyID = claim.credential.accessKeyID
    place = "\(claim.time.text)\n\(claim.credential.scope.text)"
    previous = claim.signature
  }

  mutating func beginChunk(signature: String) {
    announced = signature
    hash = SHA256()
  }

  mutating func update(_ bytes: ByteBuffer) {
    bytes.withUnsafeReadableBytes { hash.update(bufferPointer: $0) }
  }

  mutating func endChunk() throws(AWSChunkedError) {
    let digest = hash.finalize().withUnsafeBytes { hexadecimalString($0) }
    try check(announced, "\(Self.chunkAlgorithm)\n\(place)\n\(previous)\n\(PayloadForm.emptyHashText)\n\(digest)")
  }

  mutating func verify(_ trailers: HTTPHeaders, signature: String) throws(AWSChunkedError) {
    let text = trailers.map { "\($0.name):\($0.value)\n" }.joined()
    let digest = SHA256.hash(data: Array(text.utf8)).withUnsafeBytes { hexadecimalString($0) }
    try check(signature, "\(Self.trailerAlgorithm)\n\(place)\n\(previous)\n\(digest)")
  }

  private mutating func check(_ signature: String, _ text: String) throws(AWSChunkedError) {
    guard key.isValid(signature, for: Array(text.utf8)) else {
      throw .badSignature(
        SignatureError.Mismatch(
          accessKeyID: accessKeyID, stringToSign: text, signature: signature, canonicalRequest: nil))
    }
    previous = signature
  }
}
