internal import CairnModel
internal import CairnHTTP
internal import NIOHTTP1

extension S3API {
  /// `HEAD /BUCKET/KEY`: as GetObject, without the bytes.
  func headObject(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    let found = try await authorizedObject(request)
    var (response, range) = try await readAnswer(request, found)
    response.body = .stream(length: range?.length ?? found.object.attributes.size) { _ in }
    return response
  }
}
