import CairnHTTP
import CairnTestSupport
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

/// `cairn send` and `receive`, against a stand-in for the server's key–value routes.
@Suite struct StateTests {
  private final class StandIn: HTTPResponder {
    private let values = Mutex<[String: [String: String]]>([:])

    var stored: [[String: String]] { values.withLock { Array($0.values) } }

    func respond(to request: HTTPRequest) async -> HTTPResponse {
      do {
        var body = Data()
        while let bytes = try await request.body.next() { body += Data(bytes.readableBytesView) }
        var answer: [String: Any] = [:]
        if request.path == "/store", request.method == .POST {
          let value = try JSONDecoder().decode([String: String].self, from: body)
          let key = value["key"] ?? ""
          values.withLock { $0[key] = value }
          answer = ["status": "saved", "key": key]
        } else if request.path.hasPrefix("/retrieve/") {
          let key = String(request.path.dropFirst("/retrieve/".count))
          answer = ["key": key, "value": values.withLock { $0[key]?["value"] } ?? NSNull()]
        } else {
          return HTTPResponse(.notFound)
        }
        return HTTPResponse(.ok, body: .bytes(ByteBuffer(bytes: try JSONSerialization.data(withJSONObject: answer))))
      } catch {
        return HTTPResponse(.badRequest)
      }
    }
  }

  @Test func aFileComesBackFromItsPath() async throws {
    let standIn = StandIn()
    let server = try await HTTPServer.start(
      on: ListenAddress(host: "127.0.0.1", port: 0), group: MultiThreadedEventLoopGroup.singleton, responder: standIn,
      refusal: { HTTPResponse($0, body: .bytes(ByteBuffer(string: $1))) }, logger: Logger(label: "test"))
    let folder = try TemporaryFolder("state")
    let environment = ["CAIRN_SERVER": "http://127.0.0.1:\(server.port)"]
    let path = folder.path + "/a file.txt"
    for bytes in [Data("text ☃\n".utf8), Data(), Data(RandomBytes.slice(count: 100_000))] {
      try bytes.write(to: URL(fileURLWithPath: path))
      let sent = try await CairnProcess.run(["send", path], environment)
      #expect(sent.exitCode == 0, "\(sent.output)")
      try FileManager.default.removeItem(atPath: path)
      let received = try await CairnProcess.run(["receive", path], environment)
      #expect(received.exitCode == 0, "\(received.output)")
      expectSame(FileManager.default.contents(atPath: path), bytes)
    }
    let stored = try #require(standIn.stored.first)
    #expect(standIn.stored.count == 1)
    #expect(stored["filename"] == "a file.txt")
    #expect(stored["extension"] == "txt")
    #expect(stored["key"]?.count == 64)
    #expect(try await CairnProcess.run(["receive", folder.path + "/other"], environment).exitCode == 3)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["a file.txt"])
    await server.stop(grace: .zero)
  }
}
