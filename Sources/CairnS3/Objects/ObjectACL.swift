internal import NIOHTTP1
internal import CairnHTTP
internal import CairnModel

extension S3API {
  /// `GET /BUCKET/KEY?acl`.
  func getObjectACL(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    let bucket = try await authorizedBucket(request)
    let object = try await object(try request.object, in: bucket, for: request, .ownBucket)
    return answer(
      CannedACL.document(owner: S3Owner(bucket), object.attributes.metadata.access ?? bucket.access))
  }

  /// `PUT /BUCKET/KEY?acl`.
  func putObjectACL(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    let bucket = try await authorizedBucket(request)
    let access = try await requestedAccess(request, S3Owner(bucket))
    try await change(request) { _, attributes in attributes.metadata.access = access }
    return HTTPResponse(.ok)
  }
}
