internal import CairnCatalog
internal import CairnHTTP
internal import CairnModel
internal import CairnObjects
internal import NIOHTTP1

extension S3API {
  /// `POST /BUCKET/KEY?uploads`.
  func createMultipartUpload(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    let name = try request.object
    let sight = try await authorizedSight(request)
    let description = try UploadDescription(request.headers)
    let checksum = try ChecksumHeaders.uploadChecksum(request.headers)
    let upload: PendingUpload
    do throws(ObjectError) {
      upload = try await objects.beginUpload(name.key, in: sight.bucket.identity, description, checksum: checksum)
    } catch {
      throw S3Error(error)
    }
    guard try await buckets.confirm(sight) else {
      // Nobody can use it any more.
      try? await objects.abandonUpload(upload.id, in: upload.bucket)
      throw .noSuchBucket(name.bucket)
    }
    var headers = HTTPHeaders()
    if let checksum {
      headers.add(name: ChecksumHeaders.algorithm, value: checksum.algorithm.name)
      headers.add(name: ChecksumHeaders.type, value: checksum.kind.name)
    }
    var xml = XMLText()
    xml.document("InitiateMultipartUploadResult") { xml in
      xml.element("Bucket", name.bucket.text)
      xml.element("Key", name.key.text)
      xml.element("UploadId", upload.id.description)
    }
    return answer(xml, headers: headers)
  }
}
