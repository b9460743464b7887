import CairnTestSupport
import Foundation
import Testing

extension ServerSuite {
  /// A name is any text: it is stored, listed, served and deleted, and never becomes a path.
  @Suite struct NameTests {
    static let names = [
      "plain.txt", "with space.txt", "100%.txt", "100%41.txt", "a+b&c=d?e#f;g", "naïve Ünïcode.txt", "日本語.txt",
      "😀🗂️.bin",
      "../x", "../../../../etc/passwd", "a/b/c", "/leading", "trailing/", "//", ".", "..", "...", ".hidden",
      "say \"hi\".txt", "it's.txt", "back\\slash.txt", "semi;colon.txt", "new\nline", "tab\tstop", "\u{1}\u{7F}",
      "e\u{301}", "\u{E9}", "*", "~", "status", "a/status", "upload", "blobs", " ", "-rf", "CON", "x.tmp", "node.json",
      String(repeating: "n", count: 1024), String(repeating: "é", count: 512),
    ]

    @Test func everyKindOfNameCanBeStoredListedReadAndDeleted() async throws {
      let server = try await CairnProcess.server()
      let curl = try server.curl()
      for (number, name) in Self.names.enumerated() {
        let answer = try await curl.put(name, "content \(number)")
        #expect(answer.status == 201, "\(name.debugDescription): \(answer.text)")
        #expect(answer.metadata["name"] as? String == name, "\(name.debugDescription)")
      }
      let sorted = Self.names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      // Swift holds é and e with an accent for equal; their bytes are not.
      #expect(try await curl.names().map { Array($0.utf8) } == sorted.map { Array($0.utf8) })
      for (number, name) in Self.names.enumerated() {
        let answer = try await curl("/blob/\(name.percentEncoded)")
        #expect(answer.text == "content \(number)", "\(name.debugDescription)")
        let status = try await curl("/blob/\(name.percentEncoded)/status")
        #expect(status.json["status"] as? String == "completed", "\(name.debugDescription): \(status.text)")
      }
      // Nothing that a client sends becomes a path.
      let files = try #require(FileManager.default.subpaths(atPath: server.folder.path))
      for file in files {
        #expect(
          file.wholeMatch(
            of: /server\.log|data(\/(node\.json|lock|(access|local)\.key|catalog\.sqlite(-wal|-shm)?|volumes(\/.*)?))?/)
            != nil,
          "\(file)")
      }
      for name in Self.names {
        let path = "/blob/\(name.percentEncoded)"
        #expect(try await curl(path, "-X", "DELETE").status == 204, "\(name.debugDescription)")
        #expect(try await curl(path, "-X", "DELETE").status == 404, "\(name.debugDescription)")
        #expect(try await curl(path).status == 404, "\(name.debugDescription)")
      }
      #expect(try await curl.names() == [])
    }

    @Test func unencodedDotsAndSlashesInAPathAreOrdinary() async throws {
      let server = try await CairnProcess.server()
      let curl = try server.curl()
      #expect(try await curl("/blob/../a/./b", "-X", "PUT", "--data-binary", "x").status == 201)
      #expect(try await curl.names() == ["../a/./b"])
      #expect(try await curl("/blob/%2E%2E%2Fa%2f.%2Fb").text == "x")
    }

    @Test func aFormsFileNameIsTheName() async throws {
      let server = try await CairnProcess.server()
      let curl = try server.curl()
      let folder = try TemporaryFolder("names")
      let file = folder.path + "/local"
      try RandomBytes.writeFile(file, count: 10)
      // curl itself writes " as %22 in forms; with the option it writes a backslash before it.
      let names = ["with space.txt", "naïve.txt", "😀.bin", "../x", "a/b/c", ".hidden", "semi;colon", "100%.txt"]
      for name in names {
        let answer = try await curl("/upload", "-F", "file=@\(file);filename=\"\(name)\"")
        #expect(answer.status == 200, "\(name): \(answer.text)")
        #expect(answer.metadata["name"] as? String == name)
      }
      let quoted = try await curl("/upload", "--form-escape", "-F", "file=@\(file);filename=\"a\\\"b.txt\"")
      #expect(quoted.metadata["name"] as? String == "a\"b.txt")
      #expect(try await Set(curl.names()) == Set(names + ["a\"b.txt"]))
    }

    @Test(arguments: [
      ("/blob/", "empty"), ("/blob/%00", "NUL"), ("/blob/a%00b", "NUL"), ("/blob/%FF", "UTF-8"),
      ("/blob/%C3%28", "UTF-8"), ("/blob/%ED%A0%80", "UTF-8"), ("/blob/%zz", "hexadecimal"),
      ("/blob/a%4", "hexadecimal"),
      ("/blob/" + String(repeating: "n", count: 1025), "1025"),
      ("/blob/" + String(repeating: "%C3%A9", count: 513), "1026"),
    ])
    func badNamesAreRefusedWithTheReason(path: String, reason: String) async throws {
      let server = try await SharedServer.process()
      let curl = try server.curl()
      for method in ["PUT", "GET", "DELETE"] {
        let arguments = method == "PUT" ? ["-X", method, "--data-binary", "x"] : ["-X", method]
        let answer = try await curl.run(path, arguments)
        #expect(answer.status == 400, "\(method) \(path)")
        #expect(answer.detail?.contains(reason) == true, "\(answer.text)")
      }
    }

    @Test(arguments: [
      (Data("filename=\"\"".utf8), "empty"), (Data("filename=\"a\0b\"".utf8), "NUL"),
      (Data("filename=\"".utf8) + [0xFF, 0xFE] + Data("\"".utf8), "UTF-8"),
      (Data("filename*=UTF-8''%FF".utf8), "UTF-8"),
      (Data("filename=\"\(String(repeating: "n", count: 1025))\"".utf8), "1025"),
    ])
    func badNamesInFormsAreRefusedWithTheReason(parameter: Data, reason: String) async throws {
      let server = try await SharedServer.process()
      let folder = try TemporaryFolder("form")
      let body =
        Data("--b\r\nContent-Disposition: form-data; name=\"file\"; ".utf8) + parameter
        + Data("\r\n\r\nx\r\n--b--\r\n".utf8)
      try body.write(to: URL(fileURLWithPath: folder.path + "/body"))
      let answer = try await server.curl()(
        "/upload", "--data-binary", "@\(folder.path)/body", "-H", "Content-Type: multipart/form-data; boundary=b")
      #expect(answer.status == 400)
      #expect(answer.detail?.contains(reason) == true, "\(answer.text)")
    }
  }
}

/// One server for tests that leave nothing in it.
enum SharedServer {
  private static let task = Task { try await CairnProcess.server() }

  static func process() async throws -> CairnProcess { try await task.value }
}
