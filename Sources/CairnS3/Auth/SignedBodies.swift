internal import CairnHTTP
internal import CairnModel
internal import CairnObjects
internal import Crypto
internal import NIOCore
internal import NIOHTTP1

/// A body of `aws-chunked` while it is read. Confined to the task of its upload.
final class ChunkedBody: @unchecked Sendable {
  private let body: HTTPRequestBody
  private let announced: [String]
  private var decoder: AWSChunkedDecoder
  private var input = ByteBuffer()

  /// - Parameter trailers: the names that `x-amz-trailer` announces, in lower case.
  init(_ body: HTTPRequestBody, _ decoder: AWSChunkedDecoder, trailers: [String]) {
    self.body = body
    self.decoder = decoder
    announced = trailers
  }

  /// The fields after the last chunk; known at the end.
  var trailers: [ObjectMetadata.Pair] { decoder.trailers.map { .init($0.name, $0.value) } }

  func next() async throws -> ByteBuffer? {
    do {
      while true {
        if case .payload(let bytes) = try decoder.next(&input) { return bytes }
        guard let more = try await body.next() else { break }
        input = more
      }
      try decoder.finish()
      for name in announced where !decoder.trailers.contains(name: name) {
        throw AWSChunkedError.malformedTrailer("'\(name)' is missing, which x-amz-trailer announces")
      }
      return nil
    } catch let error as AWSChunkedError {
      throw S3Error(error)
    }
  }
}

/// A body whose SHA-256 was signed, for readers that don't compare it themselves. Confined to the connection's event loop.
final class HashedBody {
  private var hash = SHA256()

  /// The same body, which fails at its end where its hash is another one.
  ///
  /// - Parameter digest: the hash.
  static func verified(_ body: HTTPRequestBody, digest: CairnModel.Digest) -> HTTPRequestBody {
    let hashed = HashedBody()
    return HTTPRequestBody(
      body, bytes: { piece in piece.withUnsafeReadableBytes { hashed.hash.update(bufferPointer: $0) } },
      end: {
        hashed.hash.finalize().withUnsafeBytes { CairnModel.Digest($0) } == digest
          ? nil : .malformed("its SHA-256 is not the one of x-amz-content-sha256")
      })
  }
}
