internal import CairnHTTP
internal import CairnModel
internal import CairnObjects
internal import NIOHTTP1

extension S3API {
  /// `DELETE /BUCKET/KEY`: also a success where there was nothing.
  func deleteObject(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    _ = try await authorizedBucket(request)
    for name in ["x-amz-if-match-last-modified-time", "x-amz-if-match-size"] where request.header(name) != nil {
      throw .notImplemented(name)
    }
    try await delete(try request.object, ifMatch: request.header("if-match"))
    return HTTPResponse(.noContent)
  }

  /// - Parameter etag: of the only version that may be deleted; `*` for any that there is.
  func delete(_ name: ObjectName, ifMatch etag: String?) async throws(S3Error) {
    var expected: BlobID?
    do throws(ObjectError) {
      if let etag {
        guard let current = try await objects.object(name) else {
          guard etag != "*" else { throw .conditionFailed(current: nil) }
          return
        }
        guard EntityTag.matches(etag, current.attributes.etag) else { throw .conditionFailed(current: current) }
        expected = current.head.blob
      }
      _ = try await objects.delete(name, expecting: expected)
    } catch {
      throw S3Error(error)
    }
  }
}
