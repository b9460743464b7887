package import NIOCore
package import NIOHTTP1

/// Why a body can't be read to its end.
package enum HTTPBodyError: Error, Hashable, CustomStringConvertible {
  /// The client closed the connection before the end of the body.
  case cutOff
  /// Nothing came for so many seconds.
  case idle(seconds: Int64)
  /// Fewer bytes came than ``HTTPServerLimits/uploadRateMin`` asks for.
  case slow(bytesPerSecond: Int)
  /// The chunks of a chunked body are malformed.
  case malformed(String)

  /// The client was too slow, and may try again.
  package var isTimeout: Bool {
    switch self {
    case .idle, .slow: true
    case .cutOff, .malformed: false
    }
  }

  package var description: String {
    switch self {
    case .cutOff: "The request's body ended before its announced length"
    case .idle(let seconds): "No byte of the request's body came for \(seconds) seconds"
    case .slow(let rate):
      "The request's body came at less than \(rate) bytes a second, the slowest rate allowed (MIN_UPLOAD_RATE)"
    case .malformed(let reason): "The request's body is malformed: \(reason)"
    }
  }
}

/// What a connection has of a body for its reader.
enum HTTPBodyPull {
  case bytes(ByteBuffer)
  case end
  case failed(HTTPBodyError)
  /// Nothing yet: the connection will resume the continuation that it is given to wait.
  case later
}

/// The connection that a body comes from.
protocol HTTPBodySource: AnyObject {
  func pullBody() -> HTTPBodyPull
  func waitForBody(_ continuation: CheckedContinuation<Void, Never>)
  /// The fields after the body; known once its end was pulled.
  var trailers: HTTPHeaders { get }
  /// Where it comes from; nil where that is not known any more.
  var remoteAddress: SocketAddress? { get }
}

/// The bytes of a request, pulled piece by piece: what is not pulled stays in the client's socket.
///
/// Confined to the event loop of its connection, where responders run.
package final class HTTPRequestBody: @unchecked Sendable {
  /// Somebody who looks at a body while it is read.
  private struct Observer {
    let body: HTTPRequestBody
    let bytes: (ByteBuffer) -> Void
    let end: () -> HTTPBodyError?
  }

  package let eventLoop: any EventLoop
  /// It lives as long as its requests are answered.
  private unowned let source: any HTTPBodySource
  private let observer: Observer?

  init(_ source: any HTTPBodySource, eventLoop: any EventLoop) {
    self.source = source
    self.eventLoop = eventLoop
    observer = nil
  }

  /// The same body, looked at by somebody while it is read.
  ///
  /// - Parameters:
  ///   - bytes: is told of each piece.
  ///   - end: says at the end why the body is not to be taken; nil where it is.
  package init(
    _ body: HTTPRequestBody, bytes: @escaping (ByteBuffer) -> Void, end: @escaping () -> HTTPBodyError?
  ) {
    source = body.source
    eventLoop = body.eventLoop
    observer = Observer(body: body, bytes: bytes, end: end)
  }

  /// The fields that came after a chunked body; known once the end was read.
  package var trailers: HTTPHeaders {
    eventLoop.assertInEventLoop()
    return source.trailers
  }

  /// The network of the sender's address, to count what a sender uses; empty where it is not known.
  package var senderNetwork: String {
    eventLoop.assertInEventLoop()
    return source.remoteAddress?.network ?? ""
  }

  private func pull() -> HTTPBodyPull {
    guard let observer else { return source.pullBody() }
    let pull = observer.body.pull()
    switch pull {
    case .bytes(let piece): observer.bytes(piece)
    case .end: if let error = observer.end() { return .failed(error) }
    case .failed, .later: break
    }
    return pull
  }

  /// The next bytes, never empty; nil at the end.
  package func next() async throws(HTTPBodyError) -> ByteBuffer? {
    while true {
      eventLoop.assertInEventLoop()
      switch pull() {
      case .bytes(let bytes): return bytes
      case .end: return nil
      case .failed(let error): throw error
      case .later: await withCheckedContinuation { source.waitForBody($0) }
      }
    }
  }
}
