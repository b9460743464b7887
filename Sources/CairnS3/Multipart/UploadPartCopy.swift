internal import CairnCatalog
internal import CairnHTTP
internal import CairnModel
internal import CairnObjects

extension S3API {
  private static let rangeField = "x-amz-copy-source-range"

  /// `PUT /BUCKET/KEY?partNumber=N&uploadId=ID` with `x-amz-copy-source`, perhaps with a range of it.
  func uploadPartCopy(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    let bucket = try await authorizedBucket(request)
    let number = try partNumber(request)
    let upload = try await upload(request, in: bucket)
    let source = try await copySource(request)
    let range = try copiedRange(request, of: source.object.attributes.size)
    guard UInt64(range.count) <= Self.partSizeMax else {
      throw .invalidArgument(
        Self.rangeField, request.header(Self.rangeField) ?? "",
        "The specified copy source is larger than the maximum allowable size for a copy source: \(Self.partSizeMax)")
    }
    let part: UploadPart
    do throws(ObjectError) {
      part = try await objects.copyPart(
        number, of: upload.id, in: bucket.identity, from: source.object, named: source.name, range: range)
    } catch {
      throw S3Error(error)
    }
    var xml = XMLText()
    xml.document("CopyPartResult") { xml in
      xml.element("LastModified", part.lastModified.s3Text)
      xml.element("ETag", part.etag)
      xml.checksum(part.checksum?.value, part.checksum?.algorithm)
    }
    return answer(xml)
  }

  /// `bytes=FIRST-LAST`, both of them.
  private func copiedRange(_ request: S3Request, of size: UInt64) throws(S3Error) -> Range<UInt64> {
    guard let text = request.header(Self.rangeField) else { return 0..<size }
    let ends =
      text.utf8.starts(with: "bytes=".utf8)
      ? text.dropFirst(6).split(separator: "-", omittingEmptySubsequences: false) : []
    guard ends.count == 2, let first = UInt64(ends[0]), let last = UInt64(ends[1]), first <= last, last < .max else {
      throw .invalidArgument(
        Self.rangeField, text,
        "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based "
          + "offsets of the first and last bytes to copy")
    }
    guard last < size else {
      throw S3Error(
        .invalidRange, "Range specified is not valid for source object of size: \(size)",
        details: [.init("RangeRequested", text), .init("ActualObjectSize", String(size))])
    }
    return first..<last + 1
  }
}
