internal import CairnHTTP
internal import CairnModel
internal import CairnObjects
internal import NIOHTTP1

extension NativeAPI {
  /// `PUT /blob/{name}`: the body is the file, as `curl -T` sends it.
  func putBlob(
    _ request: HTTPRequest, _ encodedName: Substring, _ query: QueryParameters
  ) async throws(APIError) -> HTTPResponse {
    let key = try NativeRoute.key(encodedName)
    if request.headers.contains(name: "content-range") {
      throw APIError(.badRequest, "A part of a file can't be put: leave Content-Range out")
    }
    try refuseLarge(request)
    let description = UploadDescription(
      contentType: mediaType(request.headers.first(name: "content-type")), replicas: try replicas(request))
    let source = try copySource(request)
    // What is wrong with the request itself is told before what is wrong with the file.
    let rule = try await conflictRule(request, query, for: key)
    if let source { return try await copyBlob(request, from: source, to: key, rule) }
    let body = BodySource(
      length: request.contentLength, next: { try await request.body.next() },
      sha256: { try ReprDigest.sha256(request) }, client: { request.budgetClient })
    do throws(ObjectError) {
      let result = try await objects.put(ObjectName(key: key), body, description, onConflict: rule)
      return putAnswer(result, "File uploaded successfully")
    } catch {
      if case .conditionFailed = error, Preconditions.areIn(request.headers) { throw .preconditionFailed }
      throw APIError(error)
    }
  }

  func putAnswer(_ result: PutResult, _ message: String) -> HTTPResponse {
    HTTPResponse(
      result.replaced ? .ok : .created, headers: ["ETag": result.object.attributes.etag],
      json: { json in
        json.member("message", message)
        json.key("metadata")
        json.metadata(of: result)
      })
  }
}
