internal import CairnCatalog
internal import CairnHTTP
internal import CairnModel
internal import CairnObjects
internal import NIOHTTP1

/// Uploads in parts, which survive the connection, the client and the server. All are to the bucket `default`: an upload
/// to another bucket is unknown here.
extension NativeAPI {
  /// `POST /uploads?name=NAME`: begins one.
  func beginUpload(_ request: HTTPRequest, _ query: QueryParameters) async throws(APIError) -> HTTPResponse {
    guard let name = query["name"] else {
      throw APIError(.badRequest, "The query has no name: POST /uploads?name=NAME")
    }
    let key: ObjectKey
    do throws(InvalidName) { key = try ObjectKey(name) } catch { throw APIError(error) }
    let description = UploadDescription(
      contentType: mediaType(request.headers.first(name: "content-type")), replicas: try replicas(request))
    do throws(ObjectError) {
      return answer(try await objects.beginUpload(key, in: .default, description), .created)
    } catch {
      throw APIError(error)
    }
  }

  /// `GET /uploads/{id}`: what of it is there.
  func getUpload(_ id: Substring) async throws(APIError) -> HTTPResponse {
    let id = try uploadID(id)
    do throws(ObjectError) { return answer(try await objects.upload(id, in: .default), .ok) } catch {
      throw APIError(error)
    }
  }

  /// `PUT /uploads/{id}/{number}`: the body is a part.
  func putPart(_ request: HTTPRequest, _ text: Substring, of id: Substring) async throws(APIError) -> HTTPResponse {
    let id = try uploadID(id)
    guard let number = Int(text), ObjectService.partNumbers.contains(number) else {
      throw APIError(.badRequest, "The part's number is '\(text)', allowed are \(ObjectService.partNumbers)")
    }
    try refuseLarge(request)
    let body = BodySource(
      length: request.contentLength, next: { try await request.body.next() },
      sha256: { try ReprDigest.sha256(request) }, client: { request.budgetClient })
    do throws(ObjectError) {
      let part = try await objects.putPart(number, of: id, in: .default, body)
      return HTTPResponse(json: { $0.members(of: part) })
    } catch {
      throw APIError(error)
    }
  }

  /// `POST /uploads/{id}/complete`: the parts become a file, as after `PUT /blob/{name}`.
  func completeUpload(
    _ request: HTTPRequest, _ id: Substring, _ query: QueryParameters
  ) async throws(APIError) -> HTTPResponse {
    let id = try uploadID(id)
    let rule = try conflictRule(query) ?? .overwrite
    let sha256 = try ReprDigest.sha256(request)
    let hasParts: Bool
    do throws(ObjectError) { hasParts = try await !objects.upload(id, in: .default).parts.isEmpty } catch {
      throw APIError(error)
    }
    guard hasParts else {
      throw APIError(.conflict, "The upload has no parts yet: PUT /uploads/\(id)/1 has the first one")
    }
    do throws(ObjectError) {
      return putAnswer(
        try await objects.completeUpload(id, in: .default, sha256: sha256, onConflict: rule),
        "File uploaded successfully")
    } catch {
      throw APIError(error)
    }
  }

  /// `DELETE /uploads/{id}`: gives it up.
  func abandonUpload(_ id: Substring) async throws(APIError) -> HTTPResponse {
    let id = try uploadID(id)
    do throws(ObjectError) {
      try await objects.abandonUpload(id, in: .default)
      return HTTPResponse(.noContent)
    } catch {
      throw APIError(error)
    }
  }

  private func uploadID(_ text: Substring) throws(APIError) -> BlobID {
    guard let id = BlobID(text) else { throw APIError(.noSuchUpload) }
    return id
  }

  private func answer(_ upload: PendingUpload, _ status: HTTPResponseStatus) -> HTTPResponse {
    HTTPResponse(
      status,
      json: { json in
        json.member("upload_id", upload.id.description)
        json.member("name", upload.name.key.text)
        json.key("parts")
        json.array(upload.parts) { json, part in json.object { $0.members(of: part) } }
      })
  }
}

extension JSONText {
  fileprivate mutating func members(of part: UploadPart) {
    member("number", part.number)
    member("size", part.size)
    member("md5", part.md5.hexadecimal)
    member("sha256", part.sha256.hexadecimal)
  }
}
