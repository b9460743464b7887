internal import CairnCatalog
internal import CairnHTTP
internal import CairnModel

extension S3API {
  private static let partsPageMax = 1000

  /// `GET /BUCKET/KEY?uploadId=ID`.
  func listParts(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    let bucket = try await authorizedBucket(request)
    let parameters = try ListParameters(request.query)
    let limit = try ListParameters.limit(request.query["max-parts"], "max-parts", most: Self.partsPageMax)
    let marker = try ListParameters.number(request.query["part-number-marker"], "part-number-marker") ?? 0
    let upload = try await upload(request, in: bucket)
    let rest = upload.parts.drop { $0.number <= marker }
    let page = rest.prefix(limit)
    let owner = S3Owner(bucket)
    var xml = XMLText(capacity: 1024 + 256 * page.count)
    xml.document("ListPartsResult") { xml in
      xml.element("Bucket", bucket.name.text)
      xml.element("Key", parameters.encoded(upload.name.key.text))
      if parameters.isEncoded { xml.element("EncodingType", "url") }
      xml.element("UploadId", upload.id.description)
      owner.write(to: &xml, as: "Initiator")
      owner.write(to: &xml)
      xml.element("StorageClass", upload.attributes.metadata.storageClass ?? StorageClass.standard)
      xml.element("PartNumberMarker", marker)
      xml.element("NextPartNumberMarker", page.last?.number ?? marker)
      xml.element("MaxParts", limit)
      xml.element("IsTruncated", page.count < rest.count)
      if let checksum = upload.checksum {
        xml.element("ChecksumAlgorithm", checksum.algorithm.name)
        xml.element("ChecksumType", checksum.kind.name)
      }
      for part in page {
        xml.element("Part") { xml in
          xml.element("PartNumber", part.number)
          xml.element("LastModified", part.lastModified.s3Text)
          xml.element("ETag", part.etag)
          xml.element("Size", part.size)
          xml.checksum(part.checksum?.value, part.checksum?.algorithm)
        }
      }
    }
    return answer(xml)
  }
}
