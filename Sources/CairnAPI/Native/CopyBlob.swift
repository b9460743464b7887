internal import CairnHTTP
internal import CairnModel
internal import CairnObjects
internal import NIOHTTP1

extension NativeAPI {
  static let copySourceField = "X-Cairn-Copy-Source"
  static let copySourceMatchField = "X-Cairn-Copy-Source-If-Match"

  /// `PUT /blob/{name}` with `X-Cairn-Copy-Source`: the bytes are those of another file, copied within the cluster.
  ///
  /// - Parameter encodedSource: the source's name, percent-encoded.
  func copyBlob(
    _ request: HTTPRequest, from encodedSource: String, to key: ObjectKey, _ rule: ConflictRule
  ) async throws(APIError) -> HTTPResponse {
    let (_, source) = try await find(encodedSource[...])
    let etags = request.headers[canonicalForm: Self.copySourceMatchField].map(String.init)
    guard etags.isEmpty || etags.contains(source.attributes.etag) || etags.contains("*") else {
      throw APIError(.preconditionFailed, "The source's current version is not the one of \(Self.copySourceMatchField)")
    }
    let description = UploadDescription(source.attributes, replicas: try replicas(request))
    do throws(ObjectError) {
      let result = try await objects.copy(source, to: ObjectName(key: key), as: description, onConflict: rule)
      return putAnswer(result, "File copied successfully")
    } catch {
      if case .conditionFailed = error, Preconditions.areIn(request.headers) { throw .preconditionFailed }
      throw APIError(error)
    }
  }
}
