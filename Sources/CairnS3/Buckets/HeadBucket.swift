internal import NIOHTTP1
internal import CairnHTTP

extension S3API {
  /// `HEAD /BUCKET`.
  func headBucket(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    _ = try await authorizedBucket(request)
    return HTTPResponse(
      .ok, headers: ["x-amz-bucket-region": settings.region, "x-amz-access-point-alias": "false"])
  }
}
