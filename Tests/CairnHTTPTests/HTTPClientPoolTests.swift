import CairnTestSupport
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@testable import CairnHTTP

/// Connections that wait for their next request.
@Suite struct HTTPClientPoolTests {
  private struct Answering: HTTPResponder {
    func respond(to request: HTTPRequest) async -> HTTPResponse {
      request.path == "/long"
        ? HTTPResponse(.ok, body: .bytes(ByteBuffer(repeating: 1, count: 64 << 20))) : HTTPResponse(.ok)
    }
  }

  private let client = HTTPClient(group: .singleton, timeouts: .init(connect: .seconds(60), idle: .seconds(600)))

  private func startServer() async throws -> HTTPServer {
    try await HTTPServer.start(
      on: ListenAddress(host: "127.0.0.1", port: 0), group: MultiThreadedEventLoopGroup.singleton,
      responder: Answering(), refusal: { HTTPResponse($0, body: .bytes(ByteBuffer(string: $1))) },
      logger: Logger(label: "test"))
  }

  private final class Observed: @unchecked Sendable {
    weak var connection: HTTPClientConnection?
  }

  /// As when a client leaves in the middle of a download.
  @Test func aConnectionWhoseAnswerIsNotWantedAnyMoreIsLetGo() async throws {
    let server = try await startServer()
    let address = ListenAddress(host: "127.0.0.1", port: server.port)
    let observed = Observed()
    await client.onEventLoop {
      let response = try? await client.send(HTTPClientRequest(.GET, "/long"), to: address)
      observed.connection = response?.body.connection
      #expect(observed.connection != nil)
      _ = try? await response?.body.next()
    }
    try await eventually("the connection is let go", within: .seconds(60)) { observed.connection == nil }
    await server.stop(grace: .zero)
  }

  /// What is kept of a closed one is its buffers: after a rush of requests to a node, hundreds of them.
  @Test func aConnectionThatItsServerClosedIsForgotten() async throws {
    let server = try await startServer()
    let address = ListenAddress(host: "127.0.0.1", port: server.port)
    await client.onEventLoop {
      let response = try? await client.send(HTTPClientRequest(.GET, "/"), to: address)
      _ = try? await response?.body.collect(limit: 1000)
      #expect(client.idleConnectionCount == 1)
      await server.stop(grace: .zero)
      let end = ContinuousClock.now + .seconds(60)
      while client.idleConnectionCount > 0, ContinuousClock.now < end { try? await Task.sleep(for: .milliseconds(5)) }
      #expect(client.idleConnectionCount == 0)
    }
  }
}
