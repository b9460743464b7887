import CairnTestSupport
import Foundation
import Testing

extension ServerSuite {
  /// What protects a server that asks nobody for a key.
  @Suite struct OpenServerTests {
    private func status(
      _ port: Int, _ method: String, _ path: String, host: String = "127.0.0.1", _ headers: String...
    ) async throws -> WireAnswer {
      try await BlockingThreads.run {
        try WireClient(port: port).request(method, path, host: host, headers: headers, body: [])
      }
    }

    @Test func keysNeedACredentialThatThisMachineHas() async throws {
      let server = try await CairnProcess.server()
      let file = server.storagePath + "/local.key"
      let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
      #expect(mode == 0o600)
      for (method, path) in [("GET", "/keys"), ("POST", "/keys"), ("PATCH", "/keys/abc"), ("DELETE", "/keys/abc")] {
        #expect(try await status(server.port, method, path).status == 401, "\(method) \(path)")
      }
      // Word for word as the README has it: after `make run`, in any folder.
      let address = ["CAIRN_SERVER": "http://127.0.0.1:\(server.port)"]
      let made = try await CairnProcess.run(["key", "create"], address)
      let key = try #require(PrintedKey(made.output), "\(made.output)")
      let allowed = try await CairnProcess.run(["key", "allow", key.id, "photos", "read", "write"], address)
      #expect(allowed.exitCode == 0 && allowed.output.contains("read, write"), "\(allowed.output)")
      try await server.stopInOrder()
      #expect(!FileManager.default.fileExists(atPath: file))
    }

    /// `docker exec cairn cairn key create`: the image sets both variables.
    @Test func serversThatAskForKeysTakeTheLocalOneForKeysOnly() async throws {
      let server = try await CairnProcess.server(["AUTH": "required"])
      let settings = [
        "CAIRN_SERVER": "http://127.0.0.1:\(server.port)", "BASE_STORAGE_PATH": server.storagePath,
      ]
      let made = try await CairnProcess.run(["key", "create", "--bucket", "default", "--allow", "read"], settings)
      #expect(PrintedKey(made.output) != nil, "\(made.output)")
      let named = try await CairnProcess.run(
        ["key", "ls", "--base-storage-path", server.storagePath], ["CAIRN_SERVER": settings["CAIRN_SERVER"] ?? ""])
      #expect(named.exitCode == 0, "\(named.output)")
      let text = try String(contentsOfFile: server.storagePath + "/local.key", encoding: .utf8)
      let token = "Authorization: Bearer \(text.split(whereSeparator: \.isWhitespace).last ?? "")"
      #expect(try await status(server.port, "GET", "/keys", token).status == 200)
      for path in ["/blobs", "/nodes", "/status"] {
        #expect(try await status(server.port, "GET", path, token).status == 403, "\(path)")
      }
      let stranger = try await status(server.port, "GET", "/keys")
      #expect(stranger.status == 401 && stranger.headers["x-cairn-key-file"] == nil)
      try await server.stopInOrder()
    }

    @Test func namesOfThisServerAreAllowedByAList() async throws {
      let settings = ["ALLOW_ANONYMOUS": "1", "ALLOWED_HOSTS": "files.example.org, box.example.org"]
      let server = try await CairnProcess.server(settings.merging(["S3_DOMAIN": "s3.example.org"]) { $1 })
      for port in [server.port, try #require(server.s3Port)] {
        let path = port == server.port ? "/blobs" : "/default"
        for host in ["127.0.0.1", "localhost:\(port)", "files.example.org", "BOX.example.org:80", "s3.example.org"] {
          #expect(try await status(port, "GET", path, host: host).status == 200, "\(host)")
        }
        let refused = try await status(port, "GET", path, host: "evil.example")
        #expect(refused.status == 421)
        #expect(String(decoding: refused.body, as: UTF8.self).contains("ALLOWED_HOSTS"))
        let change = port == server.port ? "/blob/a" : "/default/a"
        for origin in ["null", "http://evil.example", "http://127.0.0.1:1"] {
          #expect(try await status(port, "PUT", change, "Origin: \(origin)").status == 403, "\(origin)")
        }
        #expect(try await status(port, "PUT", change, "Sec-Fetch-Site: cross-site").status == 403)
        #expect(try await status(port, "PUT", change, "Origin: http://127.0.0.1").status < 300)
        #expect(try await status(port, "PUT", change, "Origin: https://files.example.org").status < 300)
      }
      try await server.stopInOrder()
    }

    @Test func whatIsStoredIsNoPageOfTheServer() async throws {
      let open = try await CairnProcess.server(["ALLOW_ANONYMOUS": "1"])
      #expect(try await open.curl().put("page", "<script>", "-H", "Content-Type: text/html").status == 201)
      for (port, path) in [
        (open.port, "/blob/page"), (open.port, "/download?filename=page"), (try #require(open.s3Port), "/default/page"),
      ] {
        let answer = try await status(port, "GET", path)
        #expect(answer.headers["content-security-policy"] == "sandbox", "\(path)")
        #expect(answer.headers["x-content-type-options"] == "nosniff", "\(path)")
      }
      for (port, path) in [
        (open.port, "/health"), (open.port, "/nothing"), (try #require(open.s3Port), "/nothing-here"),
      ] {
        #expect(try await status(port, "GET", path).headers["x-content-type-options"] == "nosniff", "\(path)")
      }
      try await open.stopInOrder()
      // Where everything is signed, pages and PDF are to work.
      let key = AuthorisationFixture.administrator
      let signed = try await CairnProcess.server(key.settings)
      #expect(try await signed.curl().put("page", "<script>").status == 201)
      let port = try #require(signed.s3Port)
      let headers = try RequestSigner(key: key).headers("GET", "/default/page")
      let answer = try await BlockingThreads.run {
        try WireClient(port: port).request("GET", "/default/page", headers: headers)
      }
      #expect(answer.status == 200 && answer.headers["content-security-policy"] == nil)
      try await signed.stopInOrder()
    }

    /// A node on loopback may have no secret; a page of the same machine's browser must not reach its volumes.
    @Test func nodesWithoutASecretKeepWebPagesOut() async throws {
      let redis = try await RedisServer.shared()
      let node = try await CairnProcess(.node, ["REDIS_HOST": "127.0.0.1", "REDIS_PORT": "\(redis.port)"])
      let id = try #require(try await node.curl()("/health").json["node_id"] as? String)
      let member = "X-Cairn-Node: \(id)"
      #expect(try await status(node.port, "GET", "/volumes", member).status == 200)
      #expect(try await status(node.port, "GET", "/volumes", host: "evil.example", member).status == 403)
      let seal = "/volumes/0000000000000001/seal"
      #expect(try await status(node.port, "POST", seal, member, "Origin: http://evil.example").status == 403)
      #expect(try await status(node.port, "POST", seal, member).status == 404)
      try await node.stopInOrder()
    }
  }
}
