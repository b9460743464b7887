import CairnTestSupport
import Foundation
import NIOCore
import Testing

extension ServerSuite {
  /// Clients that announce much and send little keep nobody else from uploading.
  @Suite struct SlowClientTests {
    @Test(.timeLimit(.minutes(2))) func slowClientsDoNotStopOthers() async throws {
      let server = try await CairnProcess.server(["UPLOAD_MEMORY": "32M"])
      var slow: [RawConnection] = []
      for index in 0..<64 {
        // Some say how much will come, some do not.
        let framing = index.isMultiple(of: 2) ? "Content-Length: 8388608" : "Transfer-Encoding: chunked"
        let chunk = index.isMultiple(of: 2) ? "" : "\(String(8 << 20, radix: 16))\r\n"
        let connection = try await RawConnection.connect(
          port: server.port, sending: "PUT /blob/slow\(index) HTTP/1.1\r\nHost: localhost\r\n\(framing)\r\n\r\n\(chunk)"
        )
        try await connection.send(ByteBuffer(repeating: 1, count: 70 << 10))
        slow.append(connection)
      }
      let file = server.folder.path + "/file"
      try RandomBytes.writeFile(file, count: 100 << 10)
      let start = ContinuousClock.now
      try await withThrowingTaskGroup(of: Int.self) { group in
        for index in 0..<64 { group.addTask { try await server.curl()("/blob/honest\(index)", "-T", file).status } }
        for try await status in group { #expect(status == 201) }
      }
      // Long before anybody's patience ends.
      #expect(ContinuousClock.now - start < .seconds(25))
      for connection in slow { try await connection.close() }
      try await server.stopInOrder()
    }
  }
}
