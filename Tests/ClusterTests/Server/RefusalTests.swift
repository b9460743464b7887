import CairnTestSupport
import Foundation
import Testing

extension ServerSuite {
  /// Bad requests get a clear answer, and leave nothing behind.
  @Suite struct RefusalTests {
    @Test(arguments: [
      "/", "/nothing", "/blob", "/uploadsx", "/uploads/a/b/c", "/blobs/x", "/nodesx", "/health/x", "//upload",
      "/UPLOAD",
    ])
    func unknownRoutesAreNotFound(path: String) async throws {
      let answer = try await SharedServer.process().curl()(path)
      #expect(answer.status == 404)
      #expect(answer.detail?.contains(path) == true, "\(answer.text)")
    }

    @Test(arguments: [
      ("/upload", "GET", "POST"), ("/upload", "PUT", "POST"), ("/blob/x", "POST", "GET, HEAD, PUT, DELETE"),
      ("/blob/x", "PATCH", "GET, HEAD, PUT, DELETE"), ("/blobs", "DELETE", "GET, HEAD"),
      ("/nodes", "POST", "GET, HEAD"),
      ("/health", "PUT", "GET, HEAD"), ("/blob/x/status", "DELETE", "GET, HEAD"),
    ])
    func wrongMethodsAreToldWhichAreAllowed(path: String, method: String, allowed: String) async throws {
      let answer = try await SharedServer.process().curl()(path, "-X", method)
      #expect(answer.status == 405)
      #expect(answer.headers["allow"] == allowed)
      #expect(answer.detail != nil)
    }

    @Test(arguments: ["GET", "HEAD", "DELETE"]) func missingFilesAreNotFound(method: String) async throws {
      let answer = try await SharedServer.process().curl()(
        "/blob/missing", method == "HEAD" ? "--head" : "-X\(method)")
      #expect(answer.status == 404)
      #expect(answer.exitCode == 0)
      if method != "HEAD" { #expect(answer.detail == "File not found") }
    }

    @Test func aBodyThatIsTooLargeIsRefusedBeforeItIsRead() async throws {
      let server = try await CairnProcess.server(["MAX_UPLOAD_SIZE": "1M"])
      let curl = try server.curl()
      // The client waits for the answer with not one byte of the body sent.
      for path in ["/blob/large", "/upload"] {
        let connection = try await RawConnection.connect(port: server.port)
        let method = path == "/upload" ? "POST" : "PUT"
        try await connection.send(
          "\(method) \(path) HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            + "Content-Length: 1099511627776\r\n\r\n")
        let (head, body) = try await connection.readAnswer()
        #expect(head.hasPrefix("HTTP/1.1 413 "), "\(head)")
        #expect(body.contains("\"detail\""))
        try await connection.close()
      }
      let file = server.folder.path + "/file"
      try RandomBytes.writeFile(file, count: (1 << 20) + 1)
      for arguments in [["-T", file], ["-T", file, "-H", "Transfer-Encoding: chunked"]] {
        #expect(try await curl.run("/blob/large", arguments).status == 413, "\(arguments)")
      }
      #expect(try await curl("/upload", "-F", "file=@\(file)").status == 413)
      #expect(try await curl.names() == [])
      try RandomBytes.writeFile(file, count: 1 << 20)
      #expect(try await curl("/blob/fits", "-T", file).status == 201)
      #expect(try await curl("/upload", "-F", "file=@\(file);filename=fits-too").status == 200)
    }

    @Test func aBodyThatIsCutOffLeavesNothing() async throws {
      let server = try await CairnProcess.server()
      let curl = try server.curl()
      let form = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"cut\"\r\n\r\n"
      for (line, start) in [("PUT /blob/cut", ""), ("POST /upload", form)] {
        let connection = try await RawConnection.connect(port: server.port)
        try await connection.send(
          "\(line) HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 20000000\r\n\r\n\(start)"
            + String(repeating: "x", count: 10_000_000))
        try await connection.closeOutput()
        let answer = try await connection.readAnswer()
        #expect(answer.head.hasPrefix("HTTP/1.1 400 "), "\(answer.head)")
        #expect(answer.body.contains("\"detail\""))
        try await connection.close()
      }
      #expect(try await curl.names() == [])
      #expect(try await curl("/blob/cut").status == 404)
    }

    @Test func aClientThatGoesAwayLeavesNothing() async throws {
      let server = try await CairnProcess.server(["GARBAGE_GRACE": "0", "VOLUME_SIZE": "32M"])
      let curl = try server.curl()
      for path in ["/blob/gone", "/upload"] {
        let connection = try await RawConnection.connect(port: server.port)
        try await connection.send(
          "\(path == "/upload" ? "POST" : "PUT") \(path) HTTP/1.1\r\nHost: a\r\n"
            + "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000000\r\n\r\n"
            + "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"gone\"\r\n\r\n"
            + String(repeating: "x", count: 40_000_000))
        try await connection.close()
      }
      try await eventually("both uploads are given up") { connectionCount(to: server) == 0 }
      #expect(try await curl.names() == [])
      #expect(try await curl("/blob/gone").status == 404)
      // Nothing blocks the next ones.
      #expect(try await curl.put("gone", "x").status == 201)
      try await server.stopInOrder()
    }

    /// Connections that clients have to the server now.
    private func connectionCount(to server: CairnProcess) -> Int {
      let port = String(server.port, radix: 16, uppercase: true)
      let table = (try? String(contentsOfFile: "/proc/net/tcp", encoding: .utf8)) ?? ""
      return table.split(separator: "\n").filter { line in
        let fields = line.split(separator: " ")
        // 01 is ESTABLISHED, 08 CLOSE_WAIT.
        return fields.count > 3 && fields[1].hasSuffix(":" + port) && (fields[3] == "01" || fields[3] == "08")
      }.count
    }

    @Test func headersHaveLimits() async throws {
      let curl = try await SharedServer.process().curl()
      let long = try await curl("/health", "-H", "X-Long: " + String(repeating: "x", count: 65_536))
      #expect(long.status == 431)
      #expect(long.detail != nil)
      let many = try await curl.run("/health", (0...256).flatMap { ["-H", "X-\($0): y"] })
      #expect(many.status == 431)
      #expect(try await curl.run("/health", (0..<240).flatMap { ["-H", "X-\($0): y"] }).status == 200)
    }
  }
}
