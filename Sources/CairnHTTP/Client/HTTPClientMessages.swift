package import NIOCore
package import NIOHTTP1

/// A request to another server. `Host` and the framing are added.
package struct HTTPClientRequest: Sendable {
  package var method: HTTPMethod
  /// Path and query, percent-encoded.
  package var target: String
  package var headers: HTTPHeaders
  /// Sent one after the other, not copied.
  package var body: [ByteBuffer]
  /// Sent after `body`, chunked; nil where `body` is all.
  package var stream: HTTPClientStream?
  /// The answer is waited for although the task that asks is cancelled. What a server does in any case must not look as
  /// if it had failed because somebody lost interest.
  package var outlivesCancellation = false

  package init(_ method: HTTPMethod, _ target: String, headers: HTTPHeaders = [:], body: [ByteBuffer] = []) {
    self.method = method
    self.target = target
    self.headers = headers
    self.body = body
  }
}

/// The bytes of a request that are made while it is sent, with what is known of them at their end.
package struct HTTPClientStream: Sendable {
  /// The next bytes; nil at the end. Called on the event loop of the connection. What it throws ends the connection, so
  /// that the server never takes a part for the whole.
  package let next: @Sendable () async throws -> ByteBuffer?
  /// The fields after the last byte.
  package let trailers: @Sendable () -> HTTPHeaders

  package init(
    next: @escaping @Sendable () async throws -> ByteBuffer?,
    trailers: @escaping @Sendable () -> HTTPHeaders = { [:] }
  ) {
    self.next = next
    self.trailers = trailers
  }
}

/// The head of an answer, and its body to be pulled.
package struct HTTPClientResponse: Sendable {
  package let status: HTTPResponseStatus
  package let headers: HTTPHeaders
  /// Must be read to its end or cancelled.
  package let body: HTTPClientBody
}

/// Why a request got no answer, or only a part of one.
package enum HTTPClientError: Error, Hashable, CustomStringConvertible {
  case cannotConnect(ListenAddress, String)
  case timedOut(ListenAddress, String)
  /// Who asked does not wait for it any more: that says nothing of the server.
  case cancelled(ListenAddress)
  /// The connection was closed before the end of the answer.
  case closed(ListenAddress)
  case malformed(ListenAddress, String)
  case tooLong(ListenAddress, limit: Int)
  /// Its head can't be sent.
  case invalidRequest(ListenAddress, String)
  /// The stream of the request's body failed.
  case bodyFailed(ListenAddress, String)

  package var description: String {
    switch self {
    case .cannotConnect(let address, let reason): "cannot connect to \(address): \(reason)"
    case .timedOut(let address, let what): "\(address) timed out: \(what)"
    case .cancelled(let address): "the request to \(address) was cancelled"
    case .closed(let address): "\(address) closed the connection before the end of its answer"
    case .malformed(let address, let reason): "\(address) sent a malformed answer: \(reason)"
    case .tooLong(let address, let limit): "\(address) sent an answer of more than \(limit) bytes"
    case .invalidRequest(let address, let reason): "a request can't be sent to \(address): \(reason)"
    case .bodyFailed(let address, let reason): "what was sent to \(address) could not be read: \(reason)"
    }
  }
}

/// The body of an answer, pulled piece by piece. Confined to the event loop on which the request was sent.
package final class HTTPClientBody: Sendable {
  let connection: HTTPClientConnection
  /// The connection may serve another request by the time that this body is let go.
  private let exchange: UInt64

  init(connection: HTTPClientConnection, exchange: UInt64) {
    self.connection = connection
    self.exchange = exchange
  }

  deinit {
    let (connection, exchange) = (connection, exchange)
    connection.eventLoop.execute { connection.cancelBody(of: exchange) }
  }

  /// The next bytes; nil at the end.
  package func next() async throws(HTTPClientError) -> ByteBuffer? {
    try await connection.nextBodyBytes()
  }

  /// Reads the rest.
  ///
  /// - Parameter limit: bytes; more is an error.
  package func collect(limit: Int) async throws(HTTPClientError) -> ByteBuffer {
    var all = ByteBuffer()
    while let bytes = try await next() {
      guard all.readableBytes + bytes.readableBytes <= limit else {
        cancel()
        throw .tooLong(connection.address, limit: limit)
      }
      if all.readableBytes == 0 { all = bytes } else { all.writeImmutableBuffer(bytes) }
    }
    return all
  }

  /// Gives the rest up; its connection is closed. After the end it does nothing.
  package func cancel() {
    connection.cancelBody(of: exchange)
  }
}
