internal import CairnHTTP
internal import CairnModel
internal import CairnObjects
internal import NIOHTTP1

extension NativeAPI {
  /// `DELETE /blob/{name}`.
  func deleteBlob(_ encodedName: Substring) async throws(APIError) -> HTTPResponse {
    let (key, _) = try await find(encodedName)
    let existed: Bool
    do throws(ObjectError) {
      existed = try await objects.delete(ObjectName(key: key))
    } catch {
      throw APIError(error)
    }
    guard existed else { throw .notFound }
    return HTTPResponse(.noContent)
  }
}
