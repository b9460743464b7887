package import NIOHTTP1

/// A request whose head has arrived; the body may still be under way.
///
/// A class, because it is handed on many times.
package final class HTTPRequest: Sendable {
  package let method: HTTPMethod
  /// The part of the target before `?`, still percent-encoded.
  package let path: Substring
  /// The part of the target after `?`, still percent-encoded; empty where there is none.
  package let query: Substring
  package let headers: HTTPHeaders
  package let body: HTTPRequestBody
  /// Unique for the life of the process; the answer's `X-Request-Id`.
  package let id: String

  init(head: HTTPRequestHead, body: HTTPRequestBody, id: String) {
    method = head.method
    let target = head.uri[...]
    let question = target.utf8.firstIndex(of: UInt8(ascii: "?"))
    path = target[..<(question ?? target.endIndex)]
    query = question.map { target[target.utf8.index(after: $0)...] } ?? ""
    headers = head.headers
    self.body = body
    self.id = id
  }

  /// The same request with another body.
  package init(_ request: HTTPRequest, body: HTTPRequestBody) {
    method = request.method
    path = request.path
    query = request.query
    headers = request.headers
    self.body = body
    id = request.id
  }

  /// The value of `Content-Length`; nil for a chunked body.
  package var contentLength: UInt64? {
    headers.first(name: "content-length").flatMap { UInt64($0) }
      ?? (headers.contains(name: "transfer-encoding") ? nil : 0)
  }
}

/// Answers requests.
package protocol HTTPResponder: Sendable {
  /// Called on the event loop of the connection, as a task that is cancelled when the client goes away.
  func respond(to request: HTTPRequest) async -> HTTPResponse
}
