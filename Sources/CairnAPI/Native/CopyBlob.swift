internal import CairnHTTP
internal import CairnModel
internal import CairnObjects
internal import NIOHTTP1

extension NativeAPI {
  static let copySourceField = "X-Cairn-Copy-Source"
  static let copySourceMatchField = "X-Cairn-Copy-Source-If-Match"

  /// The file that a request wants a copy of; nil where it brings its own bytes.
  func copySource(_ request: HTTPRequest) throws(APIError) -> ObjectKey? {
    guard let name = request.headers.first(name: Self.copySourceField) else { return nil }
    guard name.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
      throw APIError(
        .badRequest, "\(Self.copySourceField) must be percent-encoded: it has other bytes than ASCII, or spaces")
    }
    return try NativeRoute.key(name[...])
  }

  /// `PUT /blob/{name}` with `X-Cairn-Copy-Source`: the bytes are those of another file, copied within the cluster.
  func copyBlob(
    _ request: HTTPRequest, from sourceKey: ObjectKey, to key: ObjectKey, _ rule: ConflictRule
  ) async throws(APIError) -> HTTPResponse {
    let (foundKey, source) = try await find(sourceKey)
    let etags = request.headers[canonicalForm: Self.copySourceMatchField].map(String.init)
    guard etags.isEmpty || etags.contains(source.attributes.etag) || etags.contains("*") else {
      throw APIError(.preconditionFailed, "The source's current version is not the one of \(Self.copySourceMatchField)")
    }
    let description = UploadDescription(source.attributes, replicas: try replicas(request))
    do throws(ObjectError) {
      let result = try await objects.copy(
        source, of: ObjectName(key: foundKey), to: ObjectName(key: key), as: description, onConflict: rule)
      return putAnswer(result, "File copied successfully")
    } catch {
      if case .conditionFailed = error, Preconditions.areIn(request.headers) { throw .preconditionFailed }
      throw APIError(error)
    }
  }
}
