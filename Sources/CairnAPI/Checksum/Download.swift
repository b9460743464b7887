internal import CairnHTTP
internal import CairnModel
internal import CairnObjects
internal import NIOCore
internal import NIOHTTP1

extension NativeAPI {
  /// `GET` and `HEAD /download?filename=NAME`: the file, with its MD5 in the header `file_hash`.
  func download(_ request: HTTPRequest, _ query: QueryParameters) async throws(APIError) -> HTTPResponse {
    guard let name = query["filename"] else {
      throw APIError(.badRequest, "The query has no filename: /download?filename=NAME")
    }
    let key: ObjectKey
    do throws(InvalidName) { key = try ObjectKey(name) } catch { throw APIError(error) }
    let found: (key: ObjectKey, object: StoredObject)
    do throws(APIError) { found = try await find(key) } catch {
      throw error == .notFound ? APIError(.notFound, "\(name) does not exist in the file system.") : error
    }
    // Of what was put together from parts it is not known.
    let hash: HTTPHeaders = found.object.attributes.md5.map { ["file_hash": $0.hexadecimal] } ?? [:]
    do throws(APIError) {
      return try await serve(
        found.object, named: found.key, for: request, headers: hash)
    } catch {
      guard error.status == .serviceUnavailable else { throw error }
      throw APIError(.internalServerError, "No healthy SN containing \(name) found!")
    }
  }

  /// `GET /test`: somebody is there.
  func test() -> HTTPResponse {
    HTTPResponse(
      .ok, headers: ["Content-Type": "text/plain; charset=utf-8"],
      body: .bytes(ByteBuffer(string: "Master is working!")))
  }
}
