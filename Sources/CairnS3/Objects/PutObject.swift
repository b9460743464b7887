internal import CairnHTTP
internal import CairnModel
internal import CairnObjects
internal import NIOHTTP1

extension S3API {
  /// `PUT /BUCKET/KEY`.
  func putObject(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    let name = try request.object
    let result = try await writing(request) { _ throws(S3Error) in
      let description = try UploadDescription(request.headers)
      let body = try uploadBody(request)
      let sizeMax = objects.settings.objectSizeMax
      if let length = body.length, length > sizeMax { throw S3Error(.tooLarge(limit: sizeMax)) }
      let conditions = try await WriteConditions(request, name, objects)
      do throws(ObjectError) {
        return try await objects.put(name, body, description, onConflict: conditions.rule)
      } catch {
        throw conditions.error(error)
      }
    }
    var headers: HTTPHeaders = ["ETag": result.object.attributes.etag]
    headers.addChecksum(of: result.object.attributes)
    return HTTPResponse(.ok, headers: headers)
  }
}
