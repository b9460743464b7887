internal import NIOHTTP1
internal import CairnHTTP

extension S3API {
  /// `GET /BUCKET?acl`.
  func getBucketACL(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    let bucket = try await authorizedBucket(request)
    return answer(CannedACL.document(owner: S3Owner(bucket), bucket.access))
  }

  /// `PUT /BUCKET?acl`.
  func putBucketACL(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    let bucket = try await authorizedBucket(request)
    let access = try await requestedAccess(request, S3Owner(bucket))
    try await buckets.update(bucket.name) { $0.access = access }
    return HTTPResponse(.ok)
  }
}
