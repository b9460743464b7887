internal import NIOHTTP1
internal import CairnHTTP
internal import CairnModel

extension S3API {
  /// `GET /BUCKET/KEY?tagging`.
  func getObjectTagging(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    let found = try await authorizedObject(request)
    return answer(TagSet.document(found.object.attributes.metadata.tags))
  }

  /// `PUT /BUCKET/KEY?tagging`.
  func putObjectTagging(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    _ = try await authorizedBucket(request)
    guard let document = try await document(request, root: "Tagging") else { throw .malformedXML }
    let tags = try TagSet.tags(document)
    try await change(request) { _, attributes in attributes.metadata.tags = tags }
    return HTTPResponse(.ok)
  }

  /// `DELETE /BUCKET/KEY?tagging`.
  func deleteObjectTagging(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    try await change(request) { _, attributes in attributes.metadata.tags = [] }
    return HTTPResponse(.noContent)
  }
}
