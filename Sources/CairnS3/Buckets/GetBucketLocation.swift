internal import CairnHTTP

extension S3API {
  /// `GET /BUCKET?location`.
  func getBucketLocation(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    _ = try await authorizedBucket(request)
    var xml = XMLText()
    // S3's oldest region has no name here.
    xml.document("LocationConstraint", settings.region == Self.forgivingRegion ? "" : settings.region)
    return answer(xml)
  }
}
