package import NIOCore
package import NIOHTTP1

/// Why a body can't be read to its end.
package enum HTTPBodyError: Error, Hashable, CustomStringConvertible {
  /// The client closed the connection before the end of the body.
  case cutOff
  /// Nothing came for so many seconds.
  case idle(seconds: Int64)
  /// The chunks of a chunked body are malformed.
  case malformed(String)

  package var description: String {
    switch self {
    case .cutOff: "The request's body ended before its announced length"
    case .idle(let seconds): "No byte of the request's body came for \(seconds) seconds"
    case .malformed(let reason): "The request's body is malformed: \(reason)"
    }
  }
}

/// The bytes of a request, pulled piece by piece: what is not pulled stays in the client's socket.
///
/// Confined to the event loop of its connection, where responders run.
package final class HTTPRequestBody: @unchecked Sendable {
  /// What the connection has for the reader.
  enum Pull {
    case bytes(ByteBuffer)
    case end
    case failed(HTTPBodyError)
    /// Nothing yet: the connection will resume the continuation that ``wait`` is given.
    case later
  }

  package let eventLoop: any EventLoop
  private let pull: () -> Pull
  private let wait: (CheckedContinuation<Void, Never>) -> Void
  private let readTrailers: () -> HTTPHeaders

  init(
    eventLoop: any EventLoop, pull: @escaping () -> Pull, wait: @escaping (CheckedContinuation<Void, Never>) -> Void,
    trailers: @escaping () -> HTTPHeaders
  ) {
    self.eventLoop = eventLoop
    self.pull = pull
    self.wait = wait
    readTrailers = trailers
  }

  /// The same body, looked at by somebody while it is read.
  ///
  /// - Parameters:
  ///   - bytes: is told of each piece.
  ///   - end: says at the end why the body is not to be taken; nil where it is.
  package convenience init(
    _ body: HTTPRequestBody, bytes: @escaping (ByteBuffer) -> Void, end: @escaping () -> HTTPBodyError?
  ) {
    self.init(
      eventLoop: body.eventLoop,
      pull: {
        let pull = body.pull()
        switch pull {
        case .bytes(let piece): bytes(piece)
        case .end: if let error = end() { return .failed(error) }
        case .failed, .later: break
        }
        return pull
      }, wait: body.wait, trailers: body.readTrailers)
  }

  /// The fields that came after a chunked body; known once the end was read.
  package var trailers: HTTPHeaders {
    eventLoop.assertInEventLoop()
    return readTrailers()
  }

  /// The next bytes, never empty; nil at the end.
  package func next() async throws(HTTPBodyError) -> ByteBuffer? {
    while true {
      eventLoop.assertInEventLoop()
      switch pull() {
      case .bytes(let bytes): return bytes
      case .end: return nil
      case .failed(let error): throw error
      case .later: await withCheckedContinuation { wait($0) }
      }
    }
  }
}
