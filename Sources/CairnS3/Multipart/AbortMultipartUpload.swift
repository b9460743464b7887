internal import CairnCatalog
internal import CairnHTTP
internal import CairnObjects
internal import NIOHTTP1

extension S3API {
  /// `DELETE /BUCKET/KEY?uploadId=ID`.
  func abortMultipartUpload(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    _ = try await authorizedBucket(request)
    let upload = try await upload(request)
    let isDone: Bool
    do throws(ObjectError) { isDone = try await objects.abandonUpload(upload.id) } catch { throw S3Error(error) }
    guard isDone else { throw .noSuchUpload }
    return HTTPResponse(.noContent)
  }
}
