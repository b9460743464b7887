internal import NIOHTTP1
internal import CairnHTTP
internal import CairnModel

extension S3API {
  /// `DELETE /BUCKET`: only when it is empty.
  func deleteBucket(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    let bucket = try await authorizedBucket(request)
    guard bucket.name != .default else {
      throw S3Error(.accessDenied, "The bucket \(bucket.name.text) is always there: it can't be deleted")
    }
    try await buckets.delete(bucket.name)
    return HTTPResponse(.noContent)
  }
}
