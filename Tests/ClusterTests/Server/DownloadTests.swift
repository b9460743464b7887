import CairnTestSupport
import Foundation
import Testing

extension ServerSuite {
  /// Ranges, conditions, HEAD, and blob ids.
  @Suite struct DownloadTests {
    /// One blob in a head record, one in chunks.
    static let lengths = [1000, (20 << 20) + 5]

    /// A server with a file "file" of `length` bytes, and what the file is.
    private func stored(_ length: Int) async throws -> (CairnProcess, Curl, Data) {
      let server = try await CairnProcess.server()
      let curl = try server.curl()
      let bytes = Data(RandomBytes.slice(from: 3, count: length))
      try bytes.write(to: URL(fileURLWithPath: server.folder.path + "/file"))
      let answer = try await curl("/blob/file", "-T", server.folder.path + "/file", "-H", "Content-Type: image/png")
      try #require(answer.status == 201)
      return (server, curl, bytes)
    }

    @Test(arguments: lengths) func singleRangesComeAsTheyAreAskedFor(length: Int) async throws {
      let (server, curl, bytes) = try await stored(length)
      let chunk = 8 << 20
      var cases: [(String, Range<Int>)] = [
        ("0-0", 0..<1), ("0-99", 0..<100), ("500-", 500..<length), ("-1", length - 1..<length),
        ("-100", length - 100..<length),
        ("\(length - 1)-", length - 1..<length), ("0-\(length * 2)", 0..<length), ("-\(length * 2)", 0..<length),
      ]
      if length > chunk {
        cases += [
          ("\(chunk - 1)-\(chunk)", chunk - 1..<chunk + 1), ("\(chunk)-\(chunk)", chunk..<chunk + 1),
          ("\(chunk - 3)-\(2 * chunk + 3)", chunk - 3..<2 * chunk + 4), ("\(2 * chunk)-", 2 * chunk..<length),
        ]
      }
      for (text, range) in cases {
        let answer = try await curl("/blob/file", "-r", text)
        #expect(answer.status == 206, "\(text)")
        expectSame(answer.body, bytes[range], "\(text)")
        #expect(
          answer.headers["content-range"] == "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(length)", "\(text)")
        #expect(answer.headers["content-length"] == "\(range.count)", "\(text)")
        #expect(answer.headers["content-type"] == "image/png")
      }
      for text in ["bytes=\(length)-", "bytes=-0", "bytes=\(length)-\(length + 5)"] {
        let answer = try await curl("/blob/file", "-H", "Range: \(text)")
        #expect(answer.status == 416, "\(text)")
        #expect(answer.headers["content-range"] == "bytes */\(length)", "\(text)")
        #expect(answer.detail != nil)
      }
      // What is no range of bytes is ignored (RFC 9110, section 14.2).
      for text in ["bytes=5-2", "lines=1-2", "bytes=a-b", "bytes"] {
        let answer = try await curl("/blob/file", "-H", "Range: \(text)")
        #expect(answer.status == 200, "\(text)")
        expectSame(answer.body, bytes, "\(text)")
      }
      try await server.stopInOrder()
    }

    @Test(arguments: lengths) func severalRangesComeAsMultipart(length: Int) async throws {
      let (_, curl, bytes) = try await stored(length)
      let ranges = [0..<10, 100..<250, length - 7..<length]
      let answer = try await curl("/blob/file", "-r", "0-9,100-249,-7")
      #expect(answer.status == 206)
      let type = try #require(answer.headers["content-type"])
      let boundary = try #require(type.wholeMatch(of: /multipart\/byteranges; boundary=(.+)/)?.1)
      var expected = Data()
      for range in ranges {
        expected += Data(
          "\r\n--\(boundary)\r\nContent-Type: image/png\r\nContent-Range: bytes \(range.lowerBound)-\(range.upperBound - 1)/\(length)\r\n\r\n"
            .utf8)
        expected += bytes[range]
      }
      expected += Data("\r\n--\(boundary)--\r\n".utf8)
      expectSame(answer.body, expected)
      #expect(answer.headers["content-length"] == "\(expected.count)")
    }

    @Test func conditionsDecideWhatComes() async throws {
      let (_, curl, bytes) = try await stored(1000)
      let head = try await curl("/blob/file", "--head")
      let etag = try #require(head.headers["etag"])
      let modified = try #require(head.headers["last-modified"])
      let before = "Mon, 01 Jan 2001 00:00:00 GMT"
      let cases: [(String, Int)] = [
        ("If-None-Match: \(etag)", 304), ("If-None-Match: *", 304), ("If-None-Match: \"other\", W/\(etag)", 304),
        ("If-None-Match: \"other\"", 200), ("If-Match: \(etag)", 200), ("If-Match: *", 200),
        ("If-Match: \"other\"", 412),
        ("If-Match: W/\(etag)", 412), ("If-Modified-Since: \(modified)", 304), ("If-Modified-Since: \(before)", 200),
        ("If-Unmodified-Since: \(modified)", 200), ("If-Unmodified-Since: \(before)", 412),
        ("If-Modified-Since: no date", 200),
      ]
      for (header, status) in cases {
        let answer = try await curl("/blob/file", "-H", header)
        #expect(answer.status == status, "\(header)")
        #expect(answer.exitCode == 0, "\(header)")
        if status == 200 { expectSame(answer.body, bytes, "\(header)") }
        if status == 304 {
          #expect(answer.body.isEmpty, "\(header)")
          #expect(answer.headers["etag"] == etag, "\(header)")
        }
        let headOnly = try await curl("/blob/file", "--head", "-H", header)
        #expect(headOnly.status == status, "HEAD with \(header)")
      }
      // If-Range: the range counts only while the file is the same.
      for (condition, status) in [(etag, 206), ("\"other\"", 200), (modified, 206), (before, 200)] {
        let answer = try await curl("/blob/file", "-r", "0-9", "-H", "If-Range: \(condition)")
        #expect(answer.status == status, "If-Range: \(condition)")
        expectSame(answer.body, status == 206 ? bytes[..<10] : bytes, "If-Range: \(condition)")
      }
    }

    @Test(arguments: lengths) func headTellsWhatGetWouldSend(length: Int) async throws {
      let (_, curl, bytes) = try await stored(length)
      let head = try await curl("/blob/file", "--head")
      let get = try await curl("/blob/file")
      expectSame(get.body, bytes)
      #expect(head.status == 200)
      #expect(head.exitCode == 0)
      for name in ["content-length", "content-type", "etag", "last-modified", "accept-ranges", "content-disposition"] {
        #expect(head.headers[name] != nil, "\(name)")
        #expect(head.headers[name] == get.headers[name], "\(name)")
      }
      #expect(head.headers["accept-ranges"] == "bytes")
      #expect(head.headers["content-disposition"] == "attachment; filename=\"file\"")
    }

    @Test func aBlobIDFindsTheFile() async throws {
      let (_, curl, bytes) = try await stored(1000)
      let listed = try await curl("/blobs").json["blobs"] as? [[String: Any]]
      let id = try #require(listed?.first?["blob_id"] as? String)
      let answer = try await curl("/blob/\(id)")
      expectSame(answer.body, bytes)
      #expect(answer.headers["content-disposition"] == "attachment; filename=\"file\"")
      let status = try await curl("/blob/\(id)/status")
      #expect(status.json["blob_id"] as? String == id)
      // An overwritten version is not the file any more.
      #expect(try await curl.put("file", "new").status == 200)
      #expect(try await curl("/blob/\(id)").status == 404)
    }

    @Test func namesThatNeedItAreSavedUnderTheirRealNames() async throws {
      let server = try await CairnProcess.server()
      let curl = try server.curl()
      #expect(try await curl.put("naïve 100%.txt", "x").status == 201)
      let answer = try await curl("/blob/\("naïve 100%.txt".percentEncoded)")
      #expect(
        answer.headers["content-disposition"]
          == "attachment; filename=\"na_ve 100%.txt\"; filename*=UTF-8''na%C3%AFve%20100%25.txt")
      // The last part of what looks like a path; a client must never write outside of its directory.
      #expect(try await curl.put("a/b/../c d.txt", "x").status == 201)
      let saved = try TemporaryFolder("saved")
      _ = try await curl("/blob/\("a/b/../c d.txt".percentEncoded)", "-O", "-J", savingIn: saved.path)
      #expect(try FileManager.default.contentsOfDirectory(atPath: saved.path) == ["c d.txt"])
    }
  }
}
