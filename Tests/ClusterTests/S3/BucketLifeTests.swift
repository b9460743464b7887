import CairnTestSupport
import Foundation
import Testing

extension S3Suite {
  /// What belongs to a bucket is out of everybody else's reach, also when its name is used again.
  @Suite struct BucketLifeTests {
    private static let key = PrintedKey(id: "first-key", secret: "correct/horse+battery")
    private static let signed = key.signing + ["-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"]

    private func element(_ name: String, in text: String) throws -> String {
      let start = try #require(text.range(of: "<\(name)>"), "\(text)")
      let end = try #require(text.range(of: "</\(name)>"), "\(text)")
      return String(text[start.upperBound..<end.lowerBound])
    }

    private func beginUpload(_ s3: Curl) async throws -> String {
      let begun = try await s3.run("/photos/big?uploads", Self.signed + ["-X", "POST", "--data-binary", ""])
      let id = try element("UploadId", in: begun.text)
      let part = try await s3.run(
        "/photos/big?partNumber=1&uploadId=\(id)", Self.signed + ["-X", "PUT", "--data-binary", "secret"])
      #expect(part.status == 200, "\(part.text)")
      return id
    }

    @Test func uploadsAreReachedThroughTheirOwnBucketOnly() async throws {
      let server = try await CairnProcess.server(Self.key.settings)
      let s3 = try Curl(port: try #require(server.s3Port), of: server)
      let native = try server.curl()
      func create() async throws {
        #expect(try await s3.run("/photos", Self.signed + ["-X", "PUT"]).status == 200)
      }
      try await create()
      #expect(try await s3.run("/other", Self.signed + ["-X", "PUT"]).status == 200)
      let id = try await beginUpload(s3)

      // On the native port everybody may write to `default`, and to nothing else.
      for (method, path) in [
        ("GET", "/uploads/\(id)"), ("PUT", "/uploads/\(id)/1"), ("POST", "/uploads/\(id)/complete"),
        ("DELETE", "/uploads/\(id)"),
      ] {
        let body = method == "GET" ? [] : ["--data-binary", ""]
        let answer = try await native.run(path, ["-X", method] + body)
        #expect(answer.status == 404, "\(method) \(path): \(answer.text)")
      }
      let elsewhere = try await s3.run("/other/big?uploadId=\(id)", Self.signed)
      #expect(elsewhere.status == 404 && elsewhere.text.contains("NoSuchUpload"), "\(elsewhere.text)")
      #expect(try await s3.run("/photos/big?uploadId=\(id)", Self.signed).status == 200)

      // Whoever gets the name later gets nothing else.
      #expect(try await s3.run("/photos", Self.signed + ["-X", "DELETE"]).status == 204)
      try await create()
      let list = try await s3.run("/photos?uploads", Self.signed)
      #expect(list.status == 200 && !list.text.contains(id), "\(list.text)")
      let etag = "5ebe2294ecd0e0f08eab7690d2a6ee69"
      let part = "<Part><PartNumber>1</PartNumber><ETag>\(etag)</ETag></Part>"
      let document = "<CompleteMultipartUpload>\(part)</CompleteMultipartUpload>"
      for arguments in [[], ["-X", "DELETE"], ["-X", "POST", "--data-binary", document]] {
        let answer = try await s3.run("/photos/big?uploadId=\(id)", Self.signed + arguments)
        #expect(answer.status == 404 && answer.text.contains("NoSuchUpload"), "\(arguments): \(answer.text)")
      }
      #expect(try await s3.run("/photos/big", Self.signed).status == 404)

      // The new bucket's own uploads work as ever.
      let own = try await beginUpload(s3)
      let completed = try await s3.run(
        "/photos/big?uploadId=\(own)", Self.signed + ["-X", "POST", "--data-binary", document])
      #expect(completed.status == 200, "\(completed.text)")
      #expect(try await s3.run("/photos/big", Self.signed).text == "secret")
      try await server.stopInOrder()
    }

    @Test func whatIsPublicDoesNotShowItsTags() async throws {
      let server = try await CairnProcess.server(Self.key.settings)
      let s3 = try Curl(port: try #require(server.s3Port), of: server)
      #expect(try await s3.run("/photos", Self.signed + ["-X", "PUT", "-H", "x-amz-acl: public-read"]).status == 200)
      let put = try await s3.run(
        "/photos/sp%20ace",
        Self.signed + ["-X", "PUT", "--data-binary", "hello", "-H", "x-amz-tagging: colour=blue"])
      #expect(put.status == 200, "\(put.text)")
      let open = try await s3("/photos/sp%20ace")
      #expect(open.text == "hello" && open.headers["x-amz-tagging-count"] == nil)
      #expect(try await s3("/photos/sp%20ace", "-I").headers["x-amz-tagging-count"] == nil)
      for path in ["/photos/sp%20ace?tagging", "/photos/sp%20ace?acl", "/photos?tagging", "/photos?acl"] {
        #expect(try await s3(path).status == 403, "\(path)")
      }
      #expect(try await s3.run("/photos/sp%20ace", Self.signed).headers["x-amz-tagging-count"] == "1")
      #expect(try await s3.run("/photos/sp%20ace?tagging", Self.signed).text.contains("<Value>blue</Value>"))

      // A copy that would show them is refused to those who may only read what is public.
      let made = try await CairnProcess.run(
        ["key", "create", "--bucket", "default", "--allow", "all"],
        ["CAIRN_SERVER": "http://127.0.0.1:\(server.port)", "CAIRN_TOKEN": Self.key.token])
      let stranger = try #require(PrintedKey(made.output), "\(made.output)")
      let copy =
        stranger.signing + ["-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", "-X", "PUT", "--data-binary", ""]
        + ["-H", "x-amz-copy-source: photos/sp+ace"]
      #expect(try await s3.run("/default/copy", copy).status == 403)
      #expect(try await s3.run("/default/copy", copy + ["-H", "x-amz-tagging-directive: REPLACE"]).status == 200)
      #expect(try await server.curl()("/blob/copy").text == "hello")
      try await server.stopInOrder()
    }

    /// Requests whose cost would be out of proportion to their size, or to what S3 allows.
    @Test(.timeLimit(.minutes(2))) func dearDocumentsAreRefusedSoon() async throws {
      let server = try await CairnProcess.server(Self.key.settings)
      let s3 = try Curl(port: try #require(server.s3Port), of: server)
      let attributes = (0..<200_000).map { " a\($0)=''" }.joined()
      let keys = (0..<1001).map { "<Object><Key>\($0)</Key></Object>" }.joined()
      let parts = (1...10_001).map { "<Part><PartNumber>\($0)</PartNumber><ETag>x</ETag></Part>" }.joined()
      let tags = (0..<11).map { "<Tag><Key>\($0)</Key><Value/></Tag>" }.joined()
      #expect(try await s3.run("/default/a", Self.signed + ["-X", "PUT", "--data-binary", "x"]).status == 200)
      for (method, path, document) in [
        ("POST", "/default?delete", "<Delete\(attributes)><Object><Key>a</Key></Object></Delete>"),
        ("POST", "/default?delete", "<Delete>\(keys)</Delete>"),
        (
          "POST", "/default/a?uploadId=\(String(repeating: "0", count: 32))",
          "<CompleteMultipartUpload>\(parts)</CompleteMultipartUpload>"
        ),
        ("PUT", "/default/a?tagging", "<Tagging><TagSet>\(tags)</TagSet></Tagging>"),
      ] {
        let file = server.folder.path + "/document"
        try Data(document.utf8).write(to: URL(filePath: file))
        let start = ContinuousClock.now
        let send = ["-X", method, "--data-binary", "@\(file)", "-H", "Expect:"]
        let answer = try await s3.run(path, Self.signed + send)
        #expect(answer.status == 400, "\(path): \(answer.text)")
        // Nobody without the right to what it asks for gets as far as that.
        #expect(try await s3.run(path, send).status == 403, "\(path)")
        #expect(ContinuousClock.now - start < .seconds(20), "\(path)")
      }
      #expect(try await s3.run("/default/a", Self.signed).text == "x")
      try await server.stopInOrder()
    }
  }
}
