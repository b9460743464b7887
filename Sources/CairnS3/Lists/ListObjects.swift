internal import CairnCatalog
internal import CairnHTTP

extension S3API {
  /// `GET /BUCKET`: the first version of lists, which goes on after a name.
  func listObjects(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    let bucket = try await authorizedBucket(request)
    let parameters = try ListParameters(request.query)
    let marker = request.query["marker"] ?? ""
    let page = try await page(bucket, parameters, after: marker.isEmpty ? nil : marker)
    var xml = XMLText(capacity: 512 + 320 * page.entries.count)
    xml.document("ListBucketResult") { xml in
      parameters.write(to: &xml, bucket)
      xml.element("Marker", parameters.encoded(marker))
      xml.element("IsTruncated", page.nextStartAfter != nil)
      // Without a delimiter the last key is the marker.
      if let next = page.nextStartAfter, parameters.delimiter != nil {
        xml.element("NextMarker", parameters.encoded(next))
      }
      parameters.write(to: &xml, page, owner: S3Owner(bucket))
    }
    return answer(xml)
  }
}
