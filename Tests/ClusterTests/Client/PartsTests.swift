import CairnTestSupport
import Foundation
import Testing

extension ServerSuite {
  /// Uploads in parts, on the wire and by the command line client.
  @Suite struct PartsTests {
    private static let size = 24 << 20
    private let bytes = Data(RandomBytes.slice(count: size))

    private func begin(_ curl: Curl, _ name: String) async throws -> String {
      let answer = try await curl("/uploads?name=\(name.percentEncoded)", "-X", "POST")
      #expect(answer.status == 201, "\(answer.text)")
      return try #require(answer.json["upload_id"] as? String)
    }

    @Test func partsBecomeAFileInOrderOfTheirNumbers() async throws {
      let server = try await CairnProcess.server()
      let curl = try server.curl()
      let id = try await begin(curl, "a b")
      for (number, text) in [(3, "three"), (1, "wrong"), (2, ""), (1, "one")] {
        #expect(try await curl("/uploads/\(id)/\(number)", "-X", "PUT", "--data-binary", text).status == 200)
      }
      let known = try await curl("/uploads/\(id)")
      #expect((known.json["parts"] as? [[String: Any]])?.compactMap { $0["size"] as? Int } == [3, 0, 5])
      #expect(try await curl.names() == [])
      let done = try await curl("/uploads/\(id)/complete", "-X", "POST")
      #expect(done.status == 201, "\(done.text)")
      let file = try await curl("/blob/a%20b")
      #expect(file.text == "onethree")
      #expect(file.headers["etag"] == "\"\(done.metadata["md5"] as? String ?? "")\"")
      for (method, path) in [("GET", ""), ("DELETE", ""), ("POST", "/complete"), ("PUT", "/1")] {
        #expect(try await curl("/uploads/\(id)\(path)", "-X", method).status == 404)
      }
      // It is one object like any other, also after the server starts anew without its catalog.
      _ = try await server.stop()
      try FileManager.default.removeItem(atPath: server.storagePath + "/catalog.sqlite")
      try await server.restart()
      #expect(try await server.curl()("/blob/a%20b").text == "onethree")
    }

    @Test func anUploadSurvivesTheServer() async throws {
      let server = try await CairnProcess.server()
      let id = try await begin(try server.curl(), "f")
      #expect(try await server.curl()("/uploads/\(id)/1", "-X", "PUT", "--data-binary", "one").status == 200)
      _ = try await server.stop()
      try await server.restart()
      #expect(try await server.curl()("/uploads/\(id)/2", "-X", "PUT", "--data-binary", "two").status == 200)
      #expect(try await server.curl()("/uploads/\(id)/complete", "-X", "POST").status == 201)
      #expect(try await server.curl()("/blob/f").text == "onetwo")
    }

    @Test func whatIsNoUploadIsRefused() async throws {
      let server = try await CairnProcess.server()
      let curl = try server.curl()
      #expect(try await curl("/uploads", "-X", "POST").status == 400)
      #expect(try await curl("/uploads/nonsense").status == 404)
      let id = try await begin(curl, "f")
      for number in ["0", "10001", "x"] {
        #expect(try await curl("/uploads/\(id)/\(number)", "-X", "PUT", "--data-binary", "x").status == 400)
      }
      #expect(try await curl("/uploads/\(id)/1", "-X", "PUT", "--data-binary", "x").status == 200)
      let wrong = "Repr-Digest: sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"
      #expect(try await curl("/uploads/\(id)/2", "-X", "PUT", "--data-binary", "x", "-H", wrong).status == 422)
      #expect(try await curl("/uploads/\(id)/complete", "-X", "POST", "-H", wrong).status == 422)
      #expect(try await curl.names() == [])
      let other = try await begin(curl, "f")
      let empty = try await curl("/uploads/\(other)/complete", "-X", "POST")
      #expect(empty.status == 409)
      #expect(empty.detail?.contains("no parts") == true)
      #expect(try await curl("/uploads/\(other)").status == 200)
      #expect(try await curl("/uploads/\(other)", "-X", "DELETE").status == 204)
      #expect(try await curl("/uploads/\(other)").status == 404)
      #expect(try await curl.put("f", "old").status == 201)
      let taken = try await begin(curl, "f")
      #expect(try await curl("/uploads/\(taken)/1", "-X", "PUT", "--data-binary", "x").status == 200)
      #expect(try await curl("/uploads/\(taken)/complete?on_conflict=reject", "-X", "POST").status == 409)
      #expect(try await curl("/blob/f").text == "old")
    }

    /// Four parts of six went.
    private func fixtureWithAKilledUpload() async throws -> (ClientFixture, FaultProxy) {
      var client = try await ClientFixture()
      try client.write("f", bytes)
      let proxy = try await FaultProxy(to: client.port, .toServer, .stall(17 << 20))
      client.port = proxy.port
      let process = try client.start("put", client.path("f"), "f", "--part-size", "4M")
      try await eventually("half of it went") { proxy.passed(.toServer) >= 17 << 20 }
      process.signal(SIGKILL)
      _ = try await process.waitUntilEnded()
      return (client, proxy)
    }

    @Test func aKilledUploadIsGoneOnWith() async throws {
      let (client, proxy) = try await fixtureWithAKilledUpload()
      #expect(try await client.server.curl().names() == [])
      try await proxy.heal()
      let before = proxy.passed(.toServer)
      let put = try await client.cairn("put", client.path("f"), "f", "--part-size", "4M")
      #expect(put.exitCode == 0, "\(put.output)")
      #expect(proxy.passed(.toServer) - before < 9 << 20)
      expectSame(try await client.server.curl()("/blob/f").body, bytes)
      // The next one is another upload.
      #expect(try client.files("state").isEmpty)
      try await proxy.close()
    }

    @Test func aFileThatChangedMeanwhileIsUploadedAnew() async throws {
      let (client, proxy) = try await fixtureWithAKilledUpload()
      try await proxy.heal()
      let changed = try client.write("f", Data(RandomBytes.slice(from: 99, count: Self.size)))
      #expect(try await client.cairn("put", client.path("f"), "f", "--part-size", "4M").exitCode == 0)
      expectSame(try await client.server.curl()("/blob/f").body, changed)
      try await proxy.close()
    }

    @Test func aFlippedBitInAPartIsNoticed() async throws {
      var client = try await ClientFixture()
      try client.write("f", bytes)
      let proxy = try await FaultProxy(to: client.port, .toServer, .flip(3_000_000))
      client.port = proxy.port
      let put = try await client.cairn("put", client.path("f"), "f", "--part-size", "4M")
      #expect(put.exitCode == 4, "\(put.output)")
      #expect(try await client.server.curl().names() == [])
      try await proxy.close()
    }

    @Test func aPartThatIsCutIsSentAgain() async throws {
      var client = try await ClientFixture()
      try client.write("f", bytes)
      let proxy = try await FaultProxy(to: client.port, .toServer, .cut(14 << 20))
      client.port = proxy.port
      let put = try await client.cairn("put", client.path("f"), "f", "--part-size", "4M")
      #expect(put.exitCode == 0, "\(put.output)")
      #expect(proxy.passed(.toServer) < Self.size + (5 << 20))
      expectSame(try await client.server.curl()("/blob/f").body, bytes)
      try await proxy.close()
    }
  }
}

extension ClusterSuite {
  /// Uploads in parts and copies where the catalog is Redis and the bytes are on several nodes.
  @Suite struct ClusterPartsTests {
    @Test func partsAndCopiesAreReplicatedLikeAnyFile() async throws {
      let cluster = try await Cluster(coordinators: 2, nodes: 3, ["REPLICATION_FACTOR": "2", "REPLICATOR": "off"])
      let folder = try TemporaryFolder("parts")
      let file = folder.path + "/f"
      let bytes = Data(RandomBytes.slice(count: 24 << 20))
      try bytes.write(to: URL(fileURLWithPath: file))
      let environment = [
        "CAIRN_SERVER": "http://127.0.0.1:\(cluster.coordinators[0].port)", "XDG_STATE_HOME": folder.path + "/state",
      ]
      for arguments in [["put", file, "f", "--part-size", "5M"], ["cp", "f", "g"], ["rm", "f"]] {
        let result = try await CairnProcess.run(arguments, environment)
        #expect(result.exitCode == 0, "\(arguments) \(result.output)")
      }
      // A part goes to one coordinator, the next one to the other.
      let begun = try await cluster.curl()("/uploads?name=h", "-X", "POST")
      let id = try #require(begun.json["upload_id"] as? String)
      for number in 1...2 {
        #expect(try await cluster.curl(number - 1)("/uploads/\(id)/\(number)", "-T", file, "-X", "PUT").status == 200)
      }
      #expect(try await cluster.curl(1)("/uploads/\(id)/complete", "-X", "POST").status == 201)
      try await cluster.nodes[0].kill()
      expectSame(try await cluster.curl(0)("/blob/g").body, bytes)
      expectSame(try await cluster.curl(1)("/blob/h").body, bytes + bytes)
    }
  }
}
