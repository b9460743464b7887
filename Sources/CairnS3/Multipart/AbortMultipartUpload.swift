internal import CairnCatalog
internal import CairnHTTP
internal import CairnObjects
internal import NIOHTTP1

extension S3API {
  /// `DELETE /BUCKET/KEY?uploadId=ID`.
  func abortMultipartUpload(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    let bucket = try await authorizedBucket(request)
    let upload = try await upload(request, in: bucket)
    do throws(ObjectError) { try await objects.abandonUpload(upload.id, in: bucket.identity) } catch {
      throw S3Error(error)
    }
    return HTTPResponse(.noContent)
  }
}
