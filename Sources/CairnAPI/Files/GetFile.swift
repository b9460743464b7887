internal import CairnHTTP
internal import CairnModel
internal import CairnNodeClient
internal import CairnObjects
internal import NIOCore
internal import NIOHTTP1

extension NativeAPI {
  /// `GET /file/{filename}`: the file as base64 in JSON, encoded as it streams.
  func getFile(_ encodedName: Substring) async throws(APIError) -> HTTPResponse {
    let (key, object) = try await find(encodedName)
    let content: BlobContent
    do throws(ObjectError) { content = try await objects.content(of: object, named: ObjectName(key: key)) } catch {
      guard case .unavailable = error else { throw APIError(error) }
      throw FileFailure.fileUnavailable.telling(APIError(error))
    }
    let (head, tail) = (ByteBuffer(string: "{\"data\":\""), ByteBuffer(string: "\"}"))
    let length = Base64Encoder.encodedLength(of: object.attributes.size)
    return HTTPResponse(
      .ok, headers: ["Content-Type": "application/json"],
      body: .stream(length: length + UInt64(head.readableBytes + tail.readableBytes)) { writer in
        var encoder = Base64Encoder()
        try await writer.write(head)
        try await content.write(to: EncodingSink(writer) { encoder.encode($0) })
        try await writer.write(encoder.finish())
        try await writer.write(tail)
      })
  }

  /// `DELETE /file/{filename}`.
  func deleteFile(_ encodedName: Substring) async throws(APIError) -> HTTPResponse {
    let key = try await find(encodedName).key
    let existed: Bool
    do throws(ObjectError) { existed = try await objects.delete(ObjectName(key: key)) } catch { throw APIError(error) }
    guard existed else { throw .notFound }
    return HTTPResponse(json: { $0.member("data", "File deleted") })
  }
}
