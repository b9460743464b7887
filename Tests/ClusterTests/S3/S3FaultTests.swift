import CairnTestSupport
import Foundation
import Testing

extension S3Suite {
  /// What S3 clients are told while something is broken, and what is there afterwards.
  @Suite struct S3FaultTests {
    private static let open = ["ALLOW_ANONYMOUS": "1"]

    private func s3(_ process: CairnProcess) throws -> Curl {
      try Curl(port: #require(process.s3Port, "\(process.log)"), of: process)
    }

    @Test func clientsAreAskedToComeAgainWhileRedisIsAway() async throws {
      let cluster = try await Cluster(nodes: 2, Self.open)
      let curl = try s3(cluster.coordinators[0])
      #expect(try await curl("/photos", "-X", "PUT").status == 200)
      #expect(try await curl("/photos/a", "-X", "PUT", "-d", "before").status == 200)
      try await cluster.redis.kill()
      try await eventually("the coordinator is not ready") { try await cluster.curl()("/ready").status == 503 }
      for answer in [
        try await curl("/"), try await curl("/photos/a"), try await curl("/photos?list-type=2"),
        try await curl("/photos/b", "-X", "PUT", "-d", "x"), try await curl("/photos/b?uploads", "-X", "POST"),
        try await curl("/photos/a", "-X", "DELETE"), try await curl("/new-bucket", "-X", "PUT"),
      ] {
        #expect(answer.status == 503 && answer.headers["retry-after"] != nil, "\(answer.status) \(answer.headers)")
        #expect(answer.text.contains("<Code>ServiceUnavailable</Code>"), "\(answer.text)")
      }
      try await cluster.redis.restart()
      try await eventually("the coordinator is ready again") { try await cluster.curl()("/ready").status == 200 }
      try await cluster.waitUntilActive(2)
      #expect(try await curl("/photos/a").text == "before")
      #expect(try await curl("/photos/b", "-X", "PUT", "-d", "after").status == 200)
      #expect(try await curl("/photos/b").text == "after")
    }

    @Test func aBodyThatIsCutOffLeavesNothing() async throws {
      let server = try await CairnProcess.server(Self.open)
      let curl = try s3(server)
      let port = try #require(server.s3Port)
      for (head, begun) in [
        ("Content-Length: 20000000", String(repeating: "x", count: 9 << 20)),
        ("Transfer-Encoding: chunked", "5\r\nhello\r\n"),
        (
          "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\nx-amz-decoded-content-length: 10\r\n"
            + "Content-Length: 30", "a\r\nhello"
        ),
      ] {
        let connection = try await RawConnection.connect(port: port)
        try await connection.send("PUT /default/cut HTTP/1.1\r\nHost: a\r\n\(head)\r\n\r\n\(begun)")
        try await connection.closeOutput()
        let answer = try await connection.readToEnd()
        #expect(answer.contains("<Code>IncompleteBody</Code>"), "\(head): \(answer)")
      }
      // Whole as HTTP, but not as what it carries.
      let chunk = try await curl(
        "/default/cut", "-X", "PUT", "-H", "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER", "-H",
        "x-amz-decoded-content-length: 10", "--data-binary", "a\r\nhello")
      #expect(chunk.status == 400 && chunk.text.contains("<Code>IncompleteBody</Code>"), "\(chunk.text)")
      #expect(try await curl("/default/cut").status == 404)
      #expect(try await !curl("/default").text.contains("<Contents>"))
      try await server.stopInOrder()
    }

    @Test func aTransferUnderWayIsFinishedBeforeTheEnd() async throws {
      let server = try await CairnProcess.server(Self.open)
      let file = server.folder.path + "/file"
      try RandomBytes.writeFile(file, count: 30 << 20)
      let curl = try s3(server)
      #expect(try await curl("/default/down", "-T", file).status == 200)
      async let upload = curl("/default/up", "-T", file, "--limit-rate", "15M")
      async let download = curl("/default/down", "--limit-rate", "15M")
      try await Task.sleep(for: .milliseconds(700))
      server.signal(SIGTERM)
      try await eventually("new connections are refused") { try await curl("/").exitCode != 0 }
      #expect(!server.hasEnded)
      #expect(try await upload.status == 200)
      expectSame(try await download.body, FileManager.default.contents(atPath: file))
      #expect(try await server.waitUntilEnded() == 0)
      try await server.restart()
      expectSame(try await s3(server)("/default/up").body, FileManager.default.contents(atPath: file))
    }

    @Test func transfersGoOnWhenANodeDies() async throws {
      let cluster = try await Cluster(nodes: 3, Self.open.merging(["REPLICATION_FACTOR": "2"]) { $1 })
      let curl = try s3(cluster.coordinators[0])
      let file = cluster.coordinators[0].folder.path + "/file"
      try RandomBytes.writeFile(file, count: 40 << 20)
      #expect(try await curl("/default/down", "-T", file).status == 200)
      async let upload = curl("/default/up", "-T", file, "--limit-rate", "20M")
      async let download = curl("/default/down", "--limit-rate", "20M")
      try await Task.sleep(for: .milliseconds(600))
      try await cluster.nodes[0].kill()
      let stored = try await upload
      #expect(stored.status == 200, "\(stored.text)")
      expectSame(try await download.body, FileManager.default.contents(atPath: file))
      expectSame(try await curl("/default/up").body, FileManager.default.contents(atPath: file))
    }

    @Test func aFullDiskIsToldAsWhatCanPass() async throws {
      let server = try await CairnProcess.server(Self.open.merging(["MIN_FREE_SPACE": "100T"]) { $1 })
      let answer = try await s3(server)("/default/a", "-X", "PUT", "-d", "x")
      #expect(answer.status == 503 && answer.headers["retry-after"] != nil, "\(answer.status) \(answer.headers)")
      #expect(answer.text.contains("disk reserve"), "\(answer.text)")
      try await server.stopInOrder()
    }
  }
}
