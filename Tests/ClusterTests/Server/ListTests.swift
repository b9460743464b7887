import CairnTestSupport
import Foundation
import Testing

extension ServerSuite {
  /// `GET /blobs`, and the pages about the server itself.
  @Suite struct ListTests {
    @Test func listsByPrefixDelimiterStartAndLimit() async throws {
      let server = try await CairnProcess.server()
      let curl = try server.curl()
      let names = ["a", "a/1", "a/2", "a/b/1", "b", "b/1", "c%d", "ä"]
      for name in names { #expect(try await curl.put(name, name).status == 201) }
      #expect(try await curl.names() == names)
      #expect(try await curl.names("prefix=a/") == ["a/1", "a/2", "a/b/1"])
      #expect(try await curl.names("prefix=c%25") == ["c%d"])
      #expect(try await curl.names("prefix=%C3%A4") == ["ä"])
      #expect(try await curl.names("prefix=z") == [])
      #expect(try await curl.names("start_after=a/2") == ["a/b/1", "b", "b/1", "c%d", "ä"])

      let rolled = try await curl("/blobs?delimiter=/").json
      #expect((rolled["blobs"] as? [[String: Any]])?.map { $0["name"] as? String } == ["a", "b", "c%d", "ä"])
      #expect(rolled["prefixes"] as? [String] == ["a/", "b/"])
      let inner = try await curl("/blobs?prefix=a/&delimiter=/").json
      #expect((inner["blobs"] as? [[String: Any]])?.map { $0["name"] as? String } == ["a/1", "a/2"])
      #expect(inner["prefixes"] as? [String] == ["a/b/"])

      var paged: [String] = []
      var start: String?
      var pages = 0
      repeat {
        let query = "limit=3" + (start.map { "&start_after=\($0.percentEncoded)" } ?? "")
        let page = try await curl("/blobs?\(query)").json
        paged += (page["blobs"] as? [[String: Any]])?.compactMap { $0["name"] as? String } ?? []
        start = page["next_start_after"] as? String
        pages += 1
      } while start != nil && pages < 10
      #expect(paged == names)
      #expect(pages == 3)

      let entry = try #require((try await curl("/blobs?limit=1").json["blobs"] as? [[String: Any]])?.first)
      #expect(entry["size"] as? Int == 1)
      #expect(entry["etag"] as? String == "\"0cc175b9c0f1b6a831c399e269772661\"")
      #expect((entry["last_modified"] as? String)?.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/) != nil)
      for limit in ["0", "-1", "x", "1001"] {
        let answer = try await curl("/blobs?limit=\(limit)")
        #expect(answer.status == 400, "limit=\(limit)")
        #expect(answer.detail?.contains(limit) == true)
      }
      #expect(try await curl("/blobs?prefix=%FF").status == 400)
    }

    @Test func theServerTellsOfItselfAndItsNode() async throws {
      let server = try await CairnProcess.server()
      let curl = try server.curl()
      let health = try await curl("/health")
      #expect(health.json["status"] as? String == "healthy")
      #expect(health.json["durability"] as? String == "sync")
      #expect(try await curl("/ready").status == 200)
      let nodes = try await curl("/nodes").json
      #expect(nodes["active_nodes_count"] as? Int == 1)
      let node = try #require((nodes["active_nodes"] as? [[String: Any]])?.first)
      let id = try #require(node["node_id"] as? String)
      #expect(node["storage_dir"] as? String == server.storagePath)
      #expect(node["status"] as? String == "active")
      #expect((node["available_space"] as? Int ?? 0) > 0)
      #expect(nodes["inactive_nodes"] as? [String] == [])
      let upload = try await curl.put("a", "x")
      #expect(upload.metadata["stored_nodes"] as? [String] == [id])
      let status = try await curl("/blob/a/status").json
      #expect(status["blob_id"] as? String == upload.metadata["blob_id"] as? String)
      #expect(status["status"] as? String == "completed")
      #expect(status["successful_nodes"] as? [String] == [id])
      #expect(status["failed_nodes"] as? [String] == [])
      #expect(status["pending_nodes"] as? [String] == [])
      #expect(try await curl("/blob/b/status").status == 404)
      // The node keeps its identity.
      try await server.stopInOrder()
      try await server.restart(["DURABILITY": "async"])
      #expect(try await curl("/health").json["durability"] as? String == "async")
      let again = try await curl("/nodes").json["active_nodes"] as? [[String: Any]]
      #expect(again?.first?["node_id"] as? String == id)
    }

    @Test func eachAnswerHasARequestIDOfItsOwn() async throws {
      let curl = try await SharedServer.process().curl()
      var ids: Set<String> = []
      for path in ["/health", "/nothing", "/blob/missing", "/blobs", "/ready"] {
        ids.insert(try #require(try await curl(path).headers["x-request-id"], "\(path)"))
      }
      #expect(ids.count == 5)
    }
  }
}
