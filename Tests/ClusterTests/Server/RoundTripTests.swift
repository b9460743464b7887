import CairnTestSupport
import Foundation
import Testing

extension ServerSuite {
  /// Files of the sizes at which something changes go in and come out again.
  @Suite struct RoundTripTests {
    static let lengths = [0, 1, (8 << 20) - 1, 8 << 20, (8 << 20) + 1, 100 << 20]

    @Test func filesComeBackAsTheyWere() async throws {
      let server = try await CairnProcess.server()
      let curl = try server.curl()
      let folder = try TemporaryFolder("files")
      for length in Self.lengths {
        let file = folder.path + "/file-\(length)"
        try RandomBytes.writeFile(file, count: length, from: 17)
        let md5 = try await ShortProcess.checksum("md5sum", of: file)
        let sha256 = try await ShortProcess.checksum("sha256sum", of: file)

        let form = try await curl("/upload", "-F", "file=@\(file)")
        #expect(form.status == 200, "\(length) bytes: \(form.text)")
        let raw = try await curl("/blob/", "-T", file)
        #expect(raw.status == 200, "\(length) bytes, again: \(raw.text)")
        let other = try await curl("/blob/other-\(length)", "-T", file)
        #expect(other.status == 201, "\(length) bytes, under a new name: \(other.text)")
        for answer in [form, raw, other] {
          #expect(answer.metadata["size"] as? Int == length)
          #expect(answer.metadata["md5"] as? String == md5)
          #expect(answer.metadata["checksum"] as? String == sha256)
          #expect(answer.metadata["upload_status"] as? String == "completed")
          #expect((answer.metadata["stored_nodes"] as? [String])?.count == 1)
        }
        #expect(form.json["message"] as? String == "File uploaded successfully")
        #expect(form.metadata["original_filename"] as? String == "file-\(length)")

        let saved = try TemporaryFolder("saved")
        let download = try await curl("/blob/file-\(length)", "-O", "-J", savingIn: saved.path)
        #expect(download.status == 200)
        #expect(download.exitCode == 0)
        #expect(download.headers["content-length"] == "\(length)")
        #expect(download.headers["etag"] == "\"\(md5)\"")
        #expect(try FileManager.default.contentsOfDirectory(atPath: saved.path) == ["file-\(length)"])
        #expect(FileManager.default.contentsEqual(atPath: file, andPath: saved.path + "/file-\(length)"))
      }
      try await server.stopInOrder()

      // A second process finds the same.
      try await server.restart()
      for length in Self.lengths {
        let answer = try await curl("/blob/other-\(length)")
        let same = answer.body == FileManager.default.contents(atPath: folder.path + "/file-\(length)")
        #expect(same, "\(length) bytes after a restart")
      }
      try await server.stopInOrder()
    }

    @Test func aPipeOfUnknownLengthIsStoredWhole() async throws {
      let server = try await CairnProcess.server()
      let curl = try server.curl()
      let folder = try TemporaryFolder("pipe")
      let file = folder.path + "/file"
      try RandomBytes.writeFile(file, count: (20 << 20) + 3)
      let answer = try await curl("/blob/piped", "-X", "PUT", "-H", "Transfer-Encoding: chunked", "-T", file)
      #expect(answer.status == 201, "\(answer.text)")
      let piped = try await ShortProcess.run(
        "curl", ["-sS", "--max-time", "60", "-T", "-", "http://127.0.0.1:\(server.port)/blob/stdin"], input: file)
      #expect(piped.exitCode == 0 && piped.output.contains("File uploaded successfully"), "\(piped.output)")
      for name in ["piped", "stdin"] {
        let same = try await curl("/blob/\(name)").body == FileManager.default.contents(atPath: file)
        #expect(same, "\(name)")
      }
    }

    @Test func expectationsAreAnsweredAlsoForAnEmptyBody() async throws {
      let server = try await CairnProcess.server()
      let curl = try server.curl(timeoutSeconds: 10)
      let empty = try await curl("/blob/empty", "-T", "/dev/null", "-H", "Expect: 100-continue")
      #expect(empty.status == 201)
      let large = try await curl(
        "/blob/large", "-X", "PUT", "--data-binary", String(repeating: "x", count: 3000), "-H", "Expect: 100-continue")
      #expect(large.status == 201)
      #expect(large.wasToldToContinue)
      let connection = try await RawConnection.connect(port: server.port)
      try await connection.send(
        "PUT /blob/none HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n")
      #expect(try await connection.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 100 Continue"))
      #expect(try await connection.readAnswer().head.hasPrefix("HTTP/1.1 201 "))
      try await connection.close()
    }

    @Test func overwritingReplacesWholeAndRejectingKeeps() async throws {
      let server = try await CairnProcess.server()
      let curl = try server.curl()
      #expect(try await curl.put("report.pdf", "first").status == 201)
      #expect(try await curl.put("report.pdf", "second").status == 200)
      #expect(try await curl("/blob/report.pdf").text == "second")

      let rejected = try await curl("/blob/report.pdf?on_conflict=reject", "-X", "PUT", "--data-binary", "third")
      #expect(rejected.status == 409)
      #expect(rejected.detail != nil)
      #expect(try await curl("/blob/report.pdf").text == "second")

      let renamed = try await curl("/blob/report.pdf?on_conflict=rename", "-X", "PUT", "--data-binary", "fourth")
      #expect(renamed.status == 201)
      let name = try #require(renamed.metadata["name"] as? String)
      #expect(name.wholeMatch(of: /report_[a-z0-9]{5}\.pdf/) != nil, "\(name)")
      #expect(try await curl("/blob/\(name)").text == "fourth")
      #expect(try await curl("/blob/report.pdf").text == "second")

      let unknown = try await curl("/blob/report.pdf?on_conflict=maybe", "-X", "PUT", "--data-binary", "fifth")
      #expect(unknown.status == 400)
      #expect(unknown.detail?.contains("maybe") == true)
      #expect(try await curl.names() == ["report.pdf", name])
    }
  }
}
