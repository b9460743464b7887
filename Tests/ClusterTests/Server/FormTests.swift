import CairnTestSupport
import Foundation
import Testing

extension ServerSuite {
  /// `POST /upload`.
  @Suite struct FormTests {
    @Test func fieldsBeforeAndAfterTheFileDoNotMatter() async throws {
      let server = try await CairnProcess.server()
      let curl = try server.curl()
      let file = server.folder.path + "/photo.jpg"
      try RandomBytes.writeFile(file, count: 100_000)
      let answer = try await curl(
        "/upload/", "-F", "title=A day", "-F", "file=@\(file);type=image/jpeg", "-F", "note=--not a boundary")
      #expect(answer.status == 200, "\(answer.text)")
      #expect(answer.metadata["content_type"] as? String == "image/jpeg")
      expectSame(try await curl("/blob/photo.jpg").body, FileManager.default.contents(atPath: file))
      #expect(try await curl("/blob/photo.jpg").headers["content-type"] == "image/jpeg")
      #expect(try await curl.names() == ["photo.jpg"])
    }

    @Test func everyFileOfAFormIsStored() async throws {
      let server = try await CairnProcess.server()
      let curl = try server.curl()
      let lengths = [0, 1, 1 << 20, 9 << 20, 5]
      var arguments: [String] = []
      for (number, length) in lengths.enumerated() {
        let file = server.folder.path + "/f\(number)"
        try RandomBytes.writeFile(file, count: length, from: number)
        arguments += ["-F", "file=@\(file)"]
      }
      let answer = try await curl.run("/upload", arguments)
      #expect(answer.status == 200, "\(answer.text)")
      let files = try #require(answer.json["files"] as? [[String: Any]])
      #expect(files.map { $0["name"] as? String } == ["f0", "f1", "f2", "f3", "f4"])
      #expect(files.map { $0["size"] as? Int } == lengths)
      for number in lengths.indices {
        let same =
          try await curl("/blob/f\(number)").body
          == FileManager.default.contents(atPath: server.folder.path + "/f\(number)")
        #expect(same, "f\(number)")
      }
    }

    @Test func theExtendedFileNameWins() async throws {
      let server = try await CairnProcess.server()
      let curl = try server.curl()
      let body =
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"plain\"; filename*=UTF-8''na%C3%AFve%20%2F\r\n\r\nx\r\n--b--\r\n"
      let answer = try await curl(
        "/upload", "--data-binary", body, "-H", "Content-Type: multipart/form-data; boundary=b")
      #expect(answer.metadata["name"] as? String == "naïve /", "\(answer.text)")
    }

    private static let contentType = ["-H", "Content-Type: multipart/form-data; boundary=b"]

    private static func part(_ name: String, _ filename: String?, _ bytes: String, encoding: String? = nil) -> String {
      "--b\r\nContent-Disposition: form-data; name=\"\(name)\"" + (filename.map { "; filename=\"\($0)\"" } ?? "")
        + (encoding.map { "\r\nContent-Transfer-Encoding: \($0)" } ?? "") + "\r\n\r\n\(bytes)\r\n"
    }

    @Test func partsAreStoredDecoded() async throws {
      let curl = try await CairnProcess.server().curl()
      let hash = "5d41402abc4b2a76b9719d911017c592"
      for (number, (parts, expected))
        in ([
          ([Self.part("file", "f", "aGVs\r\nbG8=", encoding: "base64")], "hello"),
          ([Self.part("file", "f", "h=65l=\r\nlo", encoding: "quoted-printable")], "hello"),
          ([Self.part("file", "f", "aGVsbG8=", encoding: "8bit")], "aGVsbG8="),
          // The MD5 is that of the file, and may be encoded too.
          (
            [
              Self.part("input_file", "f", "aGVsbG8=", encoding: "base64"),
              Self.part("file_hash", nil, "=35" + String(hash.dropFirst()), encoding: "quoted-printable"),
            ], "hello"
          ),
        ] as [([String], String)]).enumerated()
      {
        let body = parts.joined() + "--b--\r\n"
        let answer = try await curl.run("/upload?on_conflict=overwrite", ["--data-binary", body] + Self.contentType)
        #expect(answer.status == 200, "\(number): \(answer.text)")
        #expect(try await curl("/blob/f").text == expected, "\(number)")
      }
      for (encoding, bytes) in [("base64", "aGVsbG8"), ("quoted-printable", "=zz"), ("x-uuencode", "x")] {
        let body = Self.part("file", "lost", bytes, encoding: encoding) + "--b--\r\n"
        let answer = try await curl.run("/upload", ["--data-binary", body] + Self.contentType)
        #expect(answer.status == 400, "\(encoding): \(answer.text)")
        #expect(answer.detail?.contains(encoding == "x-uuencode" ? "'x-uuencode'" : "\(encoding) text") == true)
      }
      #expect(try await curl.names() == ["f"])
    }

    /// What browsers send for a file input that nobody used.
    @Test func inputsWithoutAFileAreSkipped() async throws {
      let curl = try await CairnProcess.server().curl()
      for field in ["file", "input_file"] {
        let hash = field == "file" ? "" : Self.part("file_hash", nil, "5d41402abc4b2a76b9719d911017c592")
        for parts in [
          Self.part(field, "", "") + Self.part(field, field, "hello"),
          Self.part(field, field, "hello") + Self.part(field, "", ""),
        ] {
          let answer = try await curl.run(
            "/upload?on_conflict=overwrite", ["--data-binary", parts + hash + "--b--\r\n"] + Self.contentType)
          #expect(answer.status == 200, "\(answer.text)")
          #expect(try await curl("/blob/\(field)").text == "hello")
        }
        let none = try await curl.run(
          "/upload", ["--data-binary", Self.part(field, "", "") + hash + "--b--\r\n"] + Self.contentType)
        #expect(none.status == 400 && none.text.contains("with a file"), "\(none.text)")
      }
      #expect(try await curl.names() == ["file", "input_file"])
    }

    @Test func renamingGivesEachOfManyAtOnceANameOfItsOwn() async throws {
      let server = try await CairnProcess.server()
      let port = server.port
      let names = try await withThrowingTaskGroup(of: String.self) { group in
        for number in 0..<100 {
          group.addTask {
            try await BlockingThreads.run {
              let body =
                "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"same.txt\"\r\n\r\n\(number)\r\n--b--\r\n"
              let answer = try WireClient(port: port).request(
                "POST", "/upload?on_conflict=rename", headers: ["Content-Type: multipart/form-data; boundary=b"],
                body: Array(body.utf8)[...])
              let json = try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any]
              let name = (json?["metadata"] as? [String: Any])?["name"] as? String
              return "\(name ?? "status \(answer.status)")=\(number)"
            }
          }
        }
        var names: [String: String] = [:]
        for try await entry in group {
          let parts = entry.split(separator: "=")
          names[String(parts[0])] = String(parts[1])
        }
        return names
      }
      #expect(names.count == 100)
      let curl = try server.curl()
      #expect(try await Set(curl.names()) == Set(names.keys))
      for (name, content) in names { #expect(try await curl("/blob/\(name)").text == content) }
    }

    @Test(arguments: [
      ("no field file", "--b\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n--b--\r\n"),
      ("no file name", "--b\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx\r\n--b--\r\n"),
      ("no part at all", "--b--\r\n"),
      ("empty", ""),
      ("no boundary", "what is this"),
      ("never closed", "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"lost\"\r\n\r\nx"),
      ("closed by half", "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"lost\"\r\n\r\nx\r\n--b"),
      ("no disposition", "--b\r\nX: y\r\n\r\nx\r\n--b--\r\n"),
      ("broken disposition", "--b\r\nContent-Disposition: form-data; name=\"file; filename=lost\r\n\r\nx\r\n--b--\r\n"),
      (
        "second file bad",
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"lost\"\r\n\r\nx\r\n"
          + "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\"\r\n\r\nx\r\n--b--\r\n"
      ),
    ])
    func aBadFormIsRefusedWholeWithAReason(what: String, body: String) async throws {
      let server = try await SharedServer.process()
      let curl = try server.curl()
      let answer = try await curl(
        "/upload", "--data-binary", body, "-H", "Content-Type: multipart/form-data; boundary=b")
      #expect(answer.status == 400, "\(what)")
      #expect(answer.detail?.isEmpty == false, "\(what)")
      #expect(answer.headers["content-type"] == "application/json")
      #expect(try await curl.names() == [], "\(what)")
    }

    @Test(arguments: ["application/json", "multipart/form-data", "text/plain; boundary=b", ""])
    func aBodyThatIsNoFormIsRefused(contentType: String) async throws {
      let curl = try await SharedServer.process().curl()
      let answer = try await curl("/upload", "--data-binary", "{}", "-H", "Content-Type: \(contentType)")
      #expect(answer.status == 400 || answer.status == 415, "\(answer.text)")
      #expect(answer.detail?.isEmpty == false)
    }
  }
}
