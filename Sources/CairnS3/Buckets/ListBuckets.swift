internal import CairnHTTP
internal import CairnModel

extension S3API {
  private static let bucketCountMax = 10_000

  /// `GET /`: the buckets that the sender may see.
  func listBuckets(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    try authorize(request)
    var limit = Self.bucketCountMax
    if let text = request.query["max-buckets"] {
      guard let number = Int(text), (1...Self.bucketCountMax).contains(number) else {
        throw .invalidArgument("max-buckets", text, "max-buckets must be an integer between 1 and 10000")
      }
      limit = number
    }
    let prefix = ByteText(request.query["prefix"] ?? "")
    let start = try request.query["continuation-token"].map { text throws(S3Error) in
      ByteText(try ContinuationToken(text).startAfter)
    }
    let visible = try await buckets.all().filter { bucket in
      let name = ByteText(bucket.name.text)
      return name.starts(with: prefix) && start.map { name > $0 } ?? true
        && S3Access.allow(request.identity, .listObjects, bucket: bucket)
    }
    let page = visible.prefix(limit)
    var xml = XMLText()
    xml.document("ListAllMyBucketsResult") { xml in
      S3Owner(request.identity).write(to: &xml)
      xml.element("Buckets") { xml in
        for bucket in page {
          xml.element("Bucket") { xml in
            xml.element("Name", bucket.name.text)
            xml.element("CreationDate", bucket.createdAt.s3Text)
            if request.query["max-buckets"] != nil { xml.element("BucketRegion", settings.region) }
          }
        }
      }
      if !prefix.isEmpty { xml.element("Prefix", prefix.string) }
      if page.count < visible.count, let last = page.last {
        xml.element("ContinuationToken", ContinuationToken(startAfter: last.name.text).text)
      }
    }
    return answer(xml)
  }
}
