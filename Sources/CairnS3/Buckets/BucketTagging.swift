internal import NIOHTTP1
internal import CairnModel
internal import CairnHTTP

extension S3API {
  /// `GET /BUCKET?tagging`.
  func getBucketTagging(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    let bucket = try await authorizedBucket(request)
    guard !bucket.tags.isEmpty else {
      throw S3Error(
        .noSuchTagSet, "The TagSet does not exist", details: [.init("BucketName", bucket.name.text)])
    }
    return answer(TagSet.document(bucket.tags))
  }

  /// `PUT /BUCKET?tagging`.
  func putBucketTagging(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    let bucket = try await authorizedBucket(request)
    guard let document = try await document(request, root: "Tagging") else { throw .malformedXML }
    let tags = try TagSet.tags(document, countMax: TagSet.bucketCountMax)
    try await buckets.update(bucket.name) { $0.tags = tags }
    return HTTPResponse(.noContent)
  }

  /// `DELETE /BUCKET?tagging`.
  func deleteBucketTagging(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    let bucket = try await authorizedBucket(request)
    try await buckets.update(bucket.name) { $0.tags = [] }
    return HTTPResponse(.noContent)
  }
}
