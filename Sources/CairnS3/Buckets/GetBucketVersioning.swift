internal import CairnHTTP

extension S3API {
  /// `GET /BUCKET?versioning`.
  func getBucketVersioning(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    _ = try await authorizedBucket(request)
    var xml = XMLText()
    // Without a status: of a bucket that never had versions.
    xml.document("VersioningConfiguration", "")
    return answer(xml)
  }
}
