internal import CairnHTTP
internal import CairnModel
internal import CairnObjects
internal import NIOHTTP1

extension NativeAPI {
  /// `DELETE /blob/{name}`, with conditions.
  func deleteBlob(_ request: HTTPRequest, _ encodedName: Substring) async throws(APIError) -> HTTPResponse {
    let (key, _) = try await find(encodedName)
    var expected: BlobID?
    if Preconditions.areIn(request.headers) {
      guard let current = try await current(key, for: request) else { throw .notFound }
      expected = current.head.blob
    }
    let existed: Bool
    do throws(ObjectError) {
      existed = try await objects.delete(ObjectName(key: key), expecting: expected)
    } catch {
      if case .conditionFailed = error { throw .preconditionFailed }
      throw APIError(error)
    }
    guard existed else { throw .notFound }
    return HTTPResponse(.noContent)
  }
}
