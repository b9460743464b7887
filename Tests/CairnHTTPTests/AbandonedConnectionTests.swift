import CairnTestSupport
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@testable import CairnHTTP

/// A server that takes no connection must not hold up somebody who has lost interest, as a hedged read has.
@Suite struct AbandonedConnectionTests {
  @Test func aRequestThatIsCancelledDoesNotWaitForItsConnection() async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    // Once its queue is full, the system drops what comes.
    let server = try await ServerBootstrap(group: group)
      .serverChannelOption(ChannelOptions.backlog, value: 1)
      .serverChannelOption(ChannelOptions.autoRead, value: false)
      .bind(host: "127.0.0.1", port: 0).get()
    let address = ListenAddress(host: "127.0.0.1", port: try #require(server.localAddress?.port))
    let client = HTTPClient(group: group, timeouts: .init(connect: .minutes(10), idle: .minutes(10)))
    try await withThrowingTaskGroup(of: HTTPClientError?.self) { requests in
      for _ in 0..<8 {
        requests.addTask {
          do throws(HTTPClientError) {
            _ = try await client.fetch(HTTPClientRequest(.GET, "/"), from: address, limit: 100)
            return nil
          } catch {
            return error
          }
        }
      }
      // Some are connected and wait for an answer, the others wait for a connection.
      try await Task.sleep(for: .milliseconds(300))
      let start = ContinuousClock.now
      requests.cancelAll()
      for try await error in requests {
        guard case .cancelled? = error else {
          Issue.record("\(String(describing: error))")
          continue
        }
      }
      #expect(ContinuousClock.now - start < .seconds(60))
    }
    try await server.close()
  }
}
