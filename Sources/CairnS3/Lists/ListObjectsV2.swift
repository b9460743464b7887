internal import CairnCatalog
internal import CairnHTTP

extension S3API {
  /// `GET /BUCKET?list-type=2`.
  func listObjectsV2(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    let bucket = try await authorizedBucket(request)
    let parameters = try ListParameters(request.query)
    let startAfter = request.query["start-after"].flatMap { $0.isEmpty ? nil : $0 }
    let token = request.query["continuation-token"]
    let start = try token.map { text throws(S3Error) in try ContinuationToken(text).startAfter } ?? startAfter
    let page = try await page(bucket, parameters, after: start)
    let wantsOwner = request.query["fetch-owner"] == "true"
    var xml = XMLText(capacity: 512 + 256 * page.entries.count)
    xml.document("ListBucketResult") { xml in
      parameters.write(to: &xml, bucket)
      xml.element("KeyCount", page.entries.count + page.prefixes.count)
      xml.element("IsTruncated", page.nextStartAfter != nil)
      xml.element("ContinuationToken", ifPresent: token)
      xml.element(
        "NextContinuationToken", ifPresent: page.nextStartAfter.map { ContinuationToken(startAfter: $0).text })
      xml.element("StartAfter", ifPresent: startAfter.map(parameters.encoded))
      parameters.write(to: &xml, page, owner: wantsOwner ? S3Owner(bucket) : nil)
    }
    return answer(xml)
  }
}
