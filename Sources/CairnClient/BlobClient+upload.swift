internal import CairnHTTP
package import CairnModel
internal import Foundation
internal import NIOCore
internal import NIOHTTP1

extension BlobClient {
  /// Stores what a source has under a name, verified by both sides.
  ///
  /// The SHA-256 goes after the bytes, so that the server refuses what changed on the way before anything has the name;
  /// what the server answers is compared as well.
  ///
  /// - Parameters:
  ///   - overwrite: false to leave a file of that name as it is, and fail.
  ///   - transfer: is told of the bytes that went.
  package func upload(
    _ source: any UploadSource, as name: ByteText, overwrite: Bool = true, contentType: String? = nil,
    transfer: ProgressMeter.Transfer? = nil
  ) async throws(ClientError) -> UploadedFile {
    var failures = 0
    while true {
      do throws(ClientError) {
        transfer?.restart(at: 0)
        return try await uploadOnce(source, as: name, overwrite, contentType, transfer)
      } catch {
        failures += 1
        guard source.canRestart else { throw error }
        try await retry.wait(after: error, failures: failures)
      }
    }
  }

  private func uploadOnce(
    _ source: any UploadSource, as name: ByteText, _ overwrite: Bool, _ contentType: String?,
    _ transfer: ProgressMeter.Transfer?
  ) async throws(ClientError) -> UploadedFile {
    let body = try source.open(threads)
    var request = server.request(
      .PUT, path(name) + (overwrite ? "" : "?on_conflict=reject"),
      headers: ["Content-Type": contentType ?? "application/octet-stream"])
    request.stream = stream(body.next, sha256: { body.sums.sha256 }, transfer)
    let answer = try await answer(to: request)
    guard (200..<300).contains(answer.status.code) else {
      throw refusal(answer.status, answer.headers, answer.body, about: name)
    }
    let stored = try Self.uploaded(answer.body, server)
    guard stored.checksums.agree(with: body.sums), stored.size == body.count else {
      // Only behind something that takes the SHA-256 away: the server itself would have refused.
      try await delete(stored.name, ifMatch: "\"\(stored.md5)\"")
      throw .mismatch(Self.quoted(name))
    }
    return stored
  }

  /// A request's body that is followed by its SHA-256.
  func stream(
    _ next: @escaping @Sendable () async throws -> ByteBuffer?, sha256: @escaping @Sendable () -> String?,
    _ transfer: ProgressMeter.Transfer?
  ) -> HTTPClientStream {
    HTTPClientStream(
      next: {
        let bytes = try await next()
        transfer?.advance(bytes?.readableBytes ?? 0)
        return bytes
      },
      trailers: { ReprDigest.fields(sha256()) })
  }

  /// Sends one request with a stream, and reads its short answer.
  func answer(
    to request: HTTPClientRequest
  ) async throws(ClientError) -> (status: HTTPResponseStatus, headers: HTTPHeaders, body: Data) {
    let request = request
    let answer: Result<(HTTPResponseStatus, HTTPHeaders, ByteBuffer), HTTPClientError> = await http.onEventLoop {
      do throws(HTTPClientError) {
        let response = try await http.send(request, to: server.listen)
        return .success((response.status, response.headers, try await response.body.collect(limit: 1 << 20)))
      } catch {
        return .failure(error)
      }
    }
    switch answer {
    case .success(let (status, headers, body)): return (status, headers, Data(body.readableBytesView))
    case .failure(let error): throw ClientError(error)
    }
  }
}
