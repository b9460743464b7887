import CairnTestSupport
import Foundation
import Testing

extension ServerSuite {
  /// Clients that were written for other servers.
  @Suite struct CompatibilityTests {
    @Test(.timeLimit(.minutes(5)), arguments: ["checksum", "files", "keyvalue", "families"])
    func pythonClientsGetWhatTheyExpect(client: String) async throws {
      let server = try await CairnProcess.server()
      let result = try await PythonClient.run(client, port: server.port)
      #expect(result.exitCode == 0, "\(result.output)")
      #expect(result.output.contains("\nOK"))
      try await server.stopInOrder()
    }

    /// Bodies of base64 and JSON are decoded and encoded piece by piece. `CAIRN_TEST_BASE64_MIB` for another size.
    @Test(.timeLimit(.minutes(10))) func largeBodiesOfTextTakeLittleMemory() async throws {
      let lengthMiB = Environment.variable("CAIRN_TEST_BASE64_MIB") ?? "240"
      let server = try await CairnProcess.server()
      let result = try await PythonClient.run("large", lengthMiB, port: server.port)
      #expect(result.exitCode == 0, "\(result.output)")
      let peak = try server.memoryKiB("VmHWM")
      #expect(peak < 160 << 10)
      print("memory test: bodies of text for \(lengthMiB) MiB with a peak of \(peak >> 10) MiB")
    }

    @Test func bodiesThatAreTooLargeAreRefusedInTheirOwnForm() async throws {
      let server = try await CairnProcess.server(["MAX_UPLOAD_SIZE": "1M"])
      let curl = try server.curl()
      // Announced, and chunked: a text is as long as its body, a file shorter than its base64.
      let text = server.folder.path + "/text.json"
      try Data("{\"key\":\"large\",\"value\":\"\(String(repeating: "x", count: 1 << 20))\"}".utf8)
        .write(to: URL(filePath: text))
      let base64 = Data(RandomBytes.slice(count: (1 << 20) + 1)).base64EncodedString()
      let file = server.folder.path + "/file.json"
      try Data("{\"filename\":\"large\",\"file\":\"\(base64)\"}".utf8).write(to: URL(filePath: file))
      for chunked in [[], ["-H", "Transfer-Encoding: chunked"]] {
        let stored = try await curl.run("/store", ["--data-binary", "@\(text)"] + chunked)
        #expect(stored.status == 413)
        #expect(stored.detail?.contains("1048576") == true, "\(stored.text)")
        let posted = try await curl.run(
          "/file", ["--data-binary", "@\(file)", "-H", "Content-Type: application/json"] + chunked)
        #expect(posted.status == 413)
        #expect(posted.json["errorCode"] as? Int == 5)
      }
      #expect(try await curl.names() == [])
      let fits = Data(RandomBytes.slice(count: 1 << 20)).base64EncodedString()
      try Data("{\"filename\":\"fits\",\"file\":\"\(fits)\"}".utf8).write(to: URL(filePath: file))
      #expect(
        try await curl("/file", "--data-binary", "@\(file)", "-H", "Content-Type: application/json").status == 200)
    }

    @Test(arguments: ["..", ".", "a/../b", "//", "/", "\u{301}x", "%2e%2e", "?", " "])
    func keysThatLookLikePathsAreOrdinary(key: String) async throws {
      let client = try WireClient(port: try await SharedServer.process().port)
      let body = try JSONSerialization.data(withJSONObject: ["key": "k" + key, "value": "of \(key)"])
      #expect(try client.request("POST", "/store", body: Array(body)[...]).status == 200)
      let answer = try client.request("GET", "/retrieve/" + ("k" + key).percentEncoded)
      let json = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: String]
      #expect(json == ["key": "k" + key, "value": "of \(key)"])
      // So that the shared server is empty again.
      #expect(try client.request("DELETE", "/file/" + ("k" + key).percentEncoded).status == 200)
    }

    /// Of a body that is never sent to its end.
    @Test(arguments: [
      ("/file", "application/json", "{\"filename\":\"taken\",\"file\":\"AAAA"),
      ("/file", "application/x-www-form-urlencoded", "filename=taken&file=AAAA"),
      (
        "/file", "multipart/form-data; boundary=b",
        "--b\r\nContent-Disposition: form-data; name=\"filename\"\r\n\r\ntaken\r\n--b\r\n"
      ),
      ("/store?on_conflict=reject", "application/json", "{\"key\":\"taken\","),
    ])
    func aTakenNameIsRefusedAsSoonAsItIsKnown(path: String, type: String, start: String) async throws {
      let server = try await CairnProcess.server()
      let curl = try server.curl()
      #expect(try await curl.put("taken", "first").status == 201)
      let connection = try await RawConnection.connect(port: server.port)
      try await connection.send(
        "POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Type: \(type)\r\nContent-Length: 20000000\r\n\r\n\(start)")
      let (head, body) = try await connection.readAnswer()
      if path == "/file" {
        #expect(head.hasPrefix("HTTP/1.1 400 "), "\(head)")
        #expect(body.contains("\"errorCode\":3"), "\(body)")
      } else {
        #expect(head.hasPrefix("HTTP/1.1 409 "), "\(head)")
      }
      try await connection.close()
      #expect(try await curl("/blob/taken").text == "first")
    }

    @Test func aBodyThatIsCutOffKeepsNothing() async throws {
      let server = try await CairnProcess.server()
      for (path, start) in [
        ("/file", "{\"filename\":\"cut\",\"file\":\"AAAA"), ("/store", "{\"key\":\"cut\",\"value\":\"AAAA"),
      ] {
        let connection = try await RawConnection.connect(port: server.port)
        try await connection.send(
          "POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: 20000000\r\n\r\n\(start)"
            + String(repeating: "AAAA", count: 2_500_000))
        try await connection.closeOutput()
        #expect(try await connection.readAnswer().head.hasPrefix("HTTP/1.1 400 "))
        try await connection.close()
      }
      #expect(try await server.curl().names() == [])
    }
  }
}
