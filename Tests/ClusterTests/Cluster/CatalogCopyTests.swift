import CairnTestSupport
import Foundation
import Testing

extension ClusterSuite {
  /// A server's names move to another database by `cairn catalog copy` and a change of its component file.
  @Suite struct CatalogCopyTests {
    private struct Place {
      let folder: TemporaryFolder
      var component: String { folder.path + "/statestore.yaml" }

      func write(_ type: String, _ values: [String: String]) throws {
        let items = values.map { "  - name: \($0)\n    value: \"\($1)\"\n" }.joined()
        let text = """
          apiVersion: dapr.io/v1alpha1
          kind: Component
          metadata:
            name: statestore
          spec:
            type: \(type)
            version: v1
            metadata:

          """
        try (text + items).write(toFile: component, atomically: true, encoding: .utf8)
      }
    }

    private func copy(_ from: String, _ to: String, _ options: String...) async throws -> ShortProcess.Result {
      try await CairnProcess.run(["catalog", "copy", "--from", from, "--to", to] + options)
    }

    @Test func aServerGoesOnWithAnotherDatabase() async throws {
      let redis = try await RedisServer(.init(password: "p@ss", appendOnly: true))
      let place = Place(folder: try TemporaryFolder("component"))
      let sqlite = place.folder.path + "/names.sqlite"
      try place.write("state.sqlite", ["connectionString": sqlite])
      let server = try await CairnProcess(
        .server,
        [
          "STATE_STORE_COMPONENT": place.component, "NODE_PORT": "0", "NODE_HEARTBEAT_INTERVAL": "0.2",
          "NODE_TIMEOUT": "2",
        ])
      #expect(FileManager.default.fileExists(atPath: sqlite))
      #expect(!FileManager.default.fileExists(atPath: server.storagePath + "/catalog.sqlite"))
      let file = place.folder.path + "/large"
      try RandomBytes.writeFile(file, count: 20 << 20, from: 1)
      let id = try #require(
        try await server.curl()("/upload", "-F", "file=@\(file);filename=large").metadata["blob_id"] as? String)
      #expect(try await server.curl().put("a", "first").status == 201)
      #expect(try await server.curl().put("gone", "x").status == 201)
      #expect(try await server.curl()("/blob/gone", "-X", "DELETE").status == 204)

      let address = "redis://:p%40ss@127.0.0.1:\(redis.port)"
      let busy = try await copy("sqlite:\(sqlite)", address)
      #expect(busy.exitCode == 1, "while the server runs: \(busy.output)")
      try await server.stopInOrder()
      let result = try await copy(place.component, address)
      #expect(result.exitCode == 0, "\(result.output)")
      // The first access key, which is told first, and the two files.
      #expect(result.output.contains("cairn catalog copy: objects: 1"), "\(result.output)")
      #expect(
        result.output.contains("copied 3 objects, 1 volumes, 1 nodes and 1 remembered deletions"), "\(result.output)")
      let again = try await copy(place.component, address)
      #expect(again.exitCode == 1)
      #expect(again.output.contains("the target is not empty: it has objects in bucket _cairn"), "\(again.output)")

      try place.write("state.redis", ["redisHost": "127.0.0.1:\(redis.port)", "redisPassword": "p@ss"])
      try await server.restart(samePort: false)
      let curl = try server.curl()
      try await eventually("the machine knows itself") { try await curl("/ready").status == 200 }
      for path in ["large", id] {
        expectSame(try await curl("/blob/\(path)").body, FileManager.default.contents(atPath: file), path)
      }
      #expect(try await curl("/blob/gone").status == 404)
      #expect(try await curl.put("a", "second").status == 200)
      #expect(try await curl.put("b", "new").status == 201)
      try await server.stopInOrder()

      // And back, into a file that is new.
      let back = place.folder.path + "/back.sqlite"
      let returned = try await copy(place.component, "sqlite:\(back)")
      #expect(returned.exitCode == 0, "\(returned.output)")
      try place.write("state.sqlite", ["connectionString": "file:\(back)"])
      try await server.restart(samePort: false)
      #expect(try await server.curl().names() == ["a", "b", "large"])
      #expect(try await server.curl()("/blob/a").text == "second")
    }

    @Test func whatCanNotBeCopiedIsSaid() async throws {
      let folder = try TemporaryFolder("copy")
      let missing = try await copy("sqlite:\(folder.path)/none", "sqlite:\(folder.path)/new")
      #expect(missing.exitCode == 1)
      #expect(missing.output.contains("there is no catalog \(folder.path)/none"))
      #expect(FileManager.default.subpaths(atPath: folder.path) == [])
      for wrong in ["mysql://host/db", "redis://:hush@/", "redis://:hush@host/x", "sqlite:", folder.path] {
        let result = try await copy(wrong, "sqlite:\(folder.path)/new")
        #expect(result.exitCode == 64, "\(wrong): \(result.output)")
        #expect(result.output.contains("--from: "), "\(wrong): \(result.output)")
        #expect(!result.output.contains("hush"))
      }
      let away = try await copy("redis://127.0.0.1:1", "sqlite:\(folder.path)/new")
      #expect(away.exitCode == 1)
      #expect(away.output.contains("Redis connection failed: 127.0.0.1:1"), "\(away.output)")
    }
  }
}
