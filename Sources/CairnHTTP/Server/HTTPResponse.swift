package import NIOCore
package import NIOHTTP1

/// What to answer. The server adds the framing, `Date`, `Connection` and `X-Request-Id`.
package struct HTTPResponse: Sendable {
  package enum Body: Sendable {
    case empty
    case bytes(ByteBuffer)
    /// Written while the client reads.
    ///
    /// - `length`: bytes that will be written; nil where that is not known, the answer is then chunked.
    /// - `write`: runs on the connection's event loop. When it throws, or writes another number of bytes than
    ///   announced, the connection is closed, so that the client can't take a part for the whole.
    case stream(length: UInt64?, write: @Sendable (HTTPResponseWriter) async throws -> Void)
  }

  package var status: HTTPResponseStatus
  package var headers: HTTPHeaders
  package var body: Body

  package init(_ status: HTTPResponseStatus, headers: HTTPHeaders = [:], body: Body = .empty) {
    self.status = status
    self.headers = headers
    self.body = body
  }
}
