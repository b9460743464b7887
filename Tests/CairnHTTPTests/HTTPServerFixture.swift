import CairnHTTP
import CairnTestSupport
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix

/// A server for one test.
struct HTTPServerFixture {
  let server: HTTPServer

  static func with(
    _ responder: some HTTPResponder, limits: HTTPServerLimits = .patient,
    _ body: (Int) async throws -> Void
  ) async throws {
    let server = try await HTTPServer.start(
      on: ListenAddress(host: "127.0.0.1", port: 0), group: MultiThreadedEventLoopGroup.singleton, limits: limits,
      responder: responder, refusal: { HTTPResponse($0, body: .bytes(ByteBuffer(string: $1))) },
      logger: Logger(label: "test"))
    do { try await body(server.port) } catch {
      await server.stop(grace: .zero)
      throw error
    }
    await server.stop(grace: .zero)
  }

  /// Sends one request to a server of its own and reads until that closes the connection.
  static func ask(_ responder: some HTTPResponder, _ request: String) async throws -> String {
    var answer = ""
    try await with(responder) { port in
      answer = try await RawConnection.connect(port: port, sending: request).readToEnd()
    }
    return answer
  }
}

extension HTTPServerLimits {
  /// For tests that are about something else than time: all of them run at once, and a client may get its turn late.
  static let patient: HTTPServerLimits = {
    var limits = HTTPServerLimits()
    limits.requestTimeout = .minutes(10)
    limits.idleTimeout = .minutes(10)
    limits.uploadRateMin = 0
    return limits
  }()
}
