import CairnHTTP
import CairnModel
import CairnNodeClient
import CairnTestSupport
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

/// Nobody waits for a node's answer any more: that is no fault of the node's.
@Suite struct CancelledRequestTests {
  /// Says that it was asked, and begins an answer without an end, or none at all.
  private struct SlowNode: HTTPResponder {
    let begins: Bool
    let asked: AsyncStream<Void>.Continuation

    func respond(to request: HTTPRequest) async -> HTTPResponse {
      guard begins else {
        asked.yield()
        try? await Task.sleep(for: .seconds(600))
        return HTTPResponse(.ok)
      }
      return HTTPResponse(
        .ok,
        body: .stream(length: nil) { writer in
          try await writer.write(ByteBuffer(string: "x"))
          asked.yield()
          try await Task.sleep(for: .seconds(600))
        })
    }
  }

  @Test(arguments: [false, true]) func aReaderThatLeavesBlamesNobody(begins: Bool) async throws {
    let group = MultiThreadedEventLoopGroup.singleton
    let (asked, ask) = AsyncStream.makeStream(of: Void.self)
    let server = try await HTTPServer.start(
      on: ListenAddress(host: "127.0.0.1", port: 0), group: group, responder: SlowNode(begins: begins, asked: ask),
      refusal: { status, _ in HTTPResponse(status) },
      logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
    let node = RemoteNode(
      id: NodeID.make(), address: ListenAddress(host: "127.0.0.1", port: server.port),
      client: HTTPClient(group: group, timeouts: .init(connect: .seconds(60), idle: .seconds(600))), tokens: nil)
    let reading = Task { () async -> (any Error)? in
      do {
        try await node.records(in: VolumeID(rawValue: 1), from: .offset(0), headsAndTombstonesOnly: false) { _ in }
        return nil
      } catch {
        return error
      }
    }
    for await _ in asked { break }
    reading.cancel()
    let error = await reading.value
    if case .cancelled(node.id)? = error as? NodeError {} else { Issue.record("\(String(describing: error))") }
    await server.stop(grace: .zero)
  }
}
