import CairnTestSupport
import Foundation
import Testing

extension ServerSuite {
  /// `cairn send` and `receive`.
  @Suite struct StateTests {
    @Test func aFileComesBackFromItsPath() async throws {
      let client = try await ClientFixture()
      let path = client.path("a file.txt")
      let contents = [
        "text": Data("text ☃\n".utf8), "nothing": Data(), "bytes": Data(RandomBytes.slice(count: 100_000)),
        "NUL": Data([0]), "what looks kept": Data("data:application/octet-stream;base64,x".utf8),
        "escapes": Data(#""\/"#.utf8), "most bytes": Data(RandomBytes.slice(count: 8 << 20)),
        "most control characters": Data(repeating: 1, count: 8 << 20),
      ]
      var keys: Set<String> = []
      for (what, bytes) in contents {
        try client.write("a file.txt", bytes)
        let sent = try await client.cairn("send", path, "--json")
        #expect(sent.exitCode == 0, "\(what): \(sent.output)")
        keys.insert(try #require(client.json(sent)["key"] as? String))
        try FileManager.default.removeItem(atPath: path)
        let received = try await client.cairn("receive", path)
        #expect(received.exitCode == 0, "\(what): \(received.output)")
        expectSame(client.read("a file.txt"), bytes, what)
      }
      let key = try #require(keys.first)
      #expect(keys.count == 1)
      #expect(key.count == 64)
      #expect(try await client.server.curl()("/retrieve/\(key)").json["filename"] as? String == "a file.txt")
      #expect(try await client.cairn("receive", client.path("other")).exitCode == 3)
      #expect(client.read("other") == nil)
    }

    @Test func aTextIsKeptAsItIs() async throws {
      let client = try await ClientFixture()
      try client.write("notes", Data("a \"text\"\n☃".utf8))
      let sent = try await client.cairn("send", client.path("notes"), "--json")
      let key = try #require(client.json(sent)["key"] as? String)
      #expect(try await client.server.curl()("/retrieve/\(key)").json["value"] as? String == "a \"text\"\n☃")
    }

    @Test func aFileThatIsTooLargeIsRefusedWithTheReason() async throws {
      let client = try await ClientFixture(["MAX_UPLOAD_SIZE": "1M"])
      for (count, reason) in [((8 << 20) + 1, "8388608"), (1 << 20, "1048576")] {
        try client.write("large", Data(RandomBytes.slice(count: count)))
        let sent = try await client.cairn("send", client.path("large"))
        #expect(sent.exitCode != 0)
        #expect(sent.output.contains(reason), "\(sent.output)")
      }
      #expect(try await client.server.curl().names() == [])
    }
  }
}
