import CairnTestSupport
import Foundation
import Synchronization
import Testing

extension ServerSuite {
  /// No request ends the process, whoever sends it and whatever it says.
  @Suite struct HostileRequestTests {
    /// Years in which 64 bits have no more nanoseconds, or the year more than four digits.
    @Test(arguments: [
      ("Mon, 01 Jan 2555 00:00:00 GMT", "25550101"), ("Fri, 31 Dec 9999 23:59:60 GMT", "99991231"),
      ("Sun, 31 Dec 1899 23:59:59 GMT", "18991231"), ("25550101T000000Z", "25550101"),
      ("99991231T235960Z", "99991231"),
    ])
    func aSignatureOfAnyYearIsRefused(date: String, day: String) async throws {
      let server = try await SharedServer.process()
      for port in [try #require(server.s3Port), server.port] {
        let authorization =
          "AWS4-HMAC-SHA256 Credential=A/\(day)/us-east-1/s3/aws4_request,SignedHeaders=host,Signature=0"
        let answer = try await Curl(port: port, of: server)(
          "/", "-H", "Date: \(date)", "-H", "Authorization: \(authorization)")
        #expect((400..<500).contains(answer.status), "\(answer.status) \(answer.text)")
      }
      try await expectAlive(server)
    }

    /// SwiftNIO takes the process with it where such a name becomes one of a header field.
    @Test(arguments: ["\u{E9}:1", "a b:1", ":1", "a\u{0}:1", "\u{2028}:1", "x-amz-checksum-crc32:\u{1B}"])
    func aTrailerThatNoFieldCanBeIsRefused(trailer: String) async throws {
      let key = PrintedKey(id: "first-key", secret: "correct/horse+battery")
      let server = try await Self.server(key)
      let body = server.folder.path + "/\(UInt64.random(in: .min ... .max))"
      try Data("1\r\nx\r\n0\r\n\(trailer)\r\n\r\n".utf8).write(to: URL(filePath: body))
      let answer = try await Curl(port: try #require(server.s3Port), of: server).run(
        "/default/k",
        key.signing + [
          "-H", "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER", "-H", "x-amz-decoded-content-length: 1",
          "-X", "PUT", "--data-binary", "@\(body)",
        ])
      #expect(answer.status == 400, "\(answer.text)")
      #expect(answer.text.contains("<Code>MalformedTrailerError</Code>"), "\(answer.text)")
      try await expectAlive(server)
    }

    private static let keyed = Mutex<CairnProcess?>(nil)

    /// One for all of them.
    private static func server(_ key: PrintedKey) async throws -> CairnProcess {
      if let server = keyed.withLock({ $0 }) { return server }
      let server = try await CairnProcess.server(key.settings)
      keyed.withLock { $0 = server }
      return server
    }

    private func expectAlive(_ server: CairnProcess) async throws {
      #expect(!server.hasEnded, "\(server.crash ?? "")")
      #expect(try await server.curl()("/health").status == 200)
    }
  }
}
