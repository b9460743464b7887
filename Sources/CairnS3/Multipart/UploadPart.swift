internal import CairnCatalog
internal import CairnHTTP
internal import CairnModel
internal import CairnObjects
internal import NIOHTTP1

extension S3API {
  /// `PUT /BUCKET/KEY?partNumber=N&uploadId=ID`.
  func uploadPart(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    let bucket = try await authorizedBucket(request)
    let number = try partNumber(request)
    let upload = try await upload(request, in: bucket)
    let body = try uploadBody(request)
    if let length = body.length, length > Self.partSizeMax { throw S3Error(.tooLarge(limit: Self.partSizeMax)) }
    if let expected = upload.checksum?.algorithm, let found = body.checksum?.algorithm, expected != found {
      throw S3Error(
        .invalidRequest,
        "Checksum Type mismatch occurred, expected checksum Type: \(expected.name.lowercased()), "
          + "actual checksum Type: \(found.name.lowercased())")
    }
    let part: UploadPart
    do throws(ObjectError) { part = try await objects.putPart(number, of: upload.id, in: bucket.identity, body) } catch
    {
      throw S3Error(error)
    }
    var headers: HTTPHeaders = ["ETag": part.etag]
    if let checksum = part.checksum { try? headers.add(checking: checksum.algorithm.field, checksum.value.base64) }
    return HTTPResponse(.ok, headers: headers)
  }
}
