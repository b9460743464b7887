import CairnTestSupport
import Foundation
import Testing

/// A key as `cairn key create` and a first start print it.
struct PrintedKey {
  let id: String
  let secret: String

  /// nil where the text has none.
  init?(_ text: String) {
    let pattern = /(?:ACCESS_KEY=|"access_key":")([A-Z0-9]+)[\s\S]*?(?:SECRET_KEY=|"secret_key":")([A-Za-z0-9]+)/
    guard let match = text.firstMatch(of: pattern) else { return nil }
    let (id, secret) = (String(match.output.1), String(match.output.2))
    self.id = id
    self.secret = secret
  }

  init(id: String, secret: String) {
    self.id = id
    self.secret = secret
  }

  /// Of a server that has it as its first key.
  var settings: [String: String] { ["ACCESS_KEY": id, "SECRET_KEY": secret] }
  var token: String { "\(id):\(secret)" }
  var bearer: String { "Authorization: Bearer \(token)" }
  /// Arguments of curl that sign a request.
  var signing: [String] { ["--aws-sigv4", "aws:amz:us-east-1:s3", "--user", token] }
}

extension S3Suite {
  /// Who may do what, on both ports.
  @Suite struct AccessTests {
    private static let first = PrintedKey(id: "first-key", secret: "correct/horse+battery")
    private static let configured = first.settings
    private static let emptyHash = ["-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"]

    private func cairn(_ server: CairnProcess, _ key: PrintedKey?, _ arguments: String...) async throws -> String {
      var environment = ["CAIRN_SERVER": "http://127.0.0.1:\(server.port)"]
      environment["CAIRN_TOKEN"] = key?.token
      let result = try await CairnProcess.run(arguments, environment)
      #expect(result.exitCode == 0, "\(arguments): \(result.output)")
      return result.output
    }

    // MARK: S3

    @Test func presignedURLsAndErrorsAreWhatBoto3Expects() async throws {
      let server = try await CairnProcess.server(Self.configured)
      let port = try #require(server.s3Port)
      try await S3Clients.run("presigned_cases.py", ["\(port)", Self.first.id, Self.first.secret])
      try await server.stopInOrder()
    }

    @Test func curlSignsPutAndGet() async throws {
      let server = try await CairnProcess.server(Self.configured)
      let curl = try Curl(port: try #require(server.s3Port), of: server)
      let put = try await curl.run(
        "/default/a.txt", Self.first.signing + Self.emptyHash + ["-X", "PUT", "--data-binary", "hello"])
      #expect(put.status == 200, "\(put.text)")
      #expect(try await curl.run("/default/a.txt", Self.first.signing + Self.emptyHash).text == "hello")
      #expect(try await curl("/default/a.txt").status == 403)
      // Over the native API it is the same file.
      #expect(try await server.curl()("/blob/a.txt").text == "hello")
      let hash = "x-amz-content-sha256: " + String(repeating: "0", count: 64)
      let wrong = try await curl.run(
        "/default/b.txt", Self.first.signing + ["-H", hash, "-X", "PUT", "--data-binary", "hello"])
      #expect(wrong.status == 400 && wrong.text.contains("<Code>XAmzContentSHA256Mismatch</Code>"), "\(wrong.text)")
      #expect(try await server.curl()("/blob/b.txt").status == 404)
      try await server.stopInOrder()
    }

    @Test func keysMayDoWhatTheyAreAllowed() async throws {
      let server = try await CairnProcess.server(Self.configured)
      let s3 = try Curl(port: try #require(server.s3Port), of: server)
      let made = try await cairn(server, nil, "key", "create", "--bucket", "default", "--allow", "read")
      let key = try #require(PrintedKey(made))
      func status(_ method: String, _ path: String) async throws -> Int {
        // What is put must tell its length.
        let empty = method == "PUT" ? ["--data-binary", ""] : []
        return try await s3.run(path, key.signing + Self.emptyHash + ["-X", method] + empty).status
      }
      #expect(try await server.curl().put("a", "x").status == 201)
      #expect(try await status("GET", "/default/a") == 200)
      #expect(try await status("PUT", "/default/b") == 403)
      #expect(try await status("PUT", "/bucket") == 403)

      #expect(try await cairn(server, nil, "key", "allow", key.id, "default", "write").contains("read, write"))
      #expect(try await status("PUT", "/default/b") == 200)
      #expect(try await cairn(server, nil, "key", "deny", key.id, "default", "read", "--json").contains("\"write\""))
      #expect(try await status("GET", "/default/a") == 403)
      _ = try await cairn(server, nil, "key", "allow", key.id, "*", "all")
      #expect(try await status("GET", "/default/a") == 200)
      #expect(try await status("PUT", "/bucket") == 200)

      // A restart changes nothing, and no secret is on the disks.
      try await server.stopInOrder()
      let found = try await ShortProcess.run("/bin/grep", ["-r", "-l", "-F", key.secret, server.storagePath])
      #expect(found.exitCode == 1, "\(found.output)")
      try await server.restart()
      let again = try Curl(port: try #require(server.s3Port), of: server)
      #expect(try await again.run("/default/a", key.signing + Self.emptyHash).status == 200)

      #expect(try await cairn(server, nil, "key", "list").contains(key.id))
      _ = try await cairn(server, nil, "key", "rm", key.id)
      #expect(try await !cairn(server, nil, "key", "list").contains(key.id))
      let removed = try await again.run("/default/a", key.signing + Self.emptyHash)
      #expect(removed.status == 403 && removed.text.contains("<Code>InvalidAccessKeyId</Code>"), "\(removed.text)")
      try await server.stopInOrder()
    }

    @Test func aFirstStartMakesAKeyAndShowsItOnce() async throws {
      let server = try await CairnProcess.server()
      let key = try #require(PrintedKey(server.log), "\(server.log)")
      let path = server.storagePath + "/access.key"
      let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
      #expect(mode == 0o600)
      try await server.stopInOrder()
      try await server.restart()
      #expect(server.log.components(separatedBy: key.secret).count == 2)
      let s3 = try Curl(port: try #require(server.s3Port), of: server)
      #expect(try await s3.run("/", key.signing + Self.emptyHash).status == 200)
      try await server.stopInOrder()
    }

    // MARK: The native API

    @Test func requiredKeysAreAskedForOnEveryRoute() async throws {
      let server = try await CairnProcess.server(Self.configured.merging(["AUTH": "required"]) { $1 })
      let curl = try server.curl()
      for path in ["/health", "/ready"] { #expect(try await curl(path).status == 200) }
      for (method, path) in [
        ("GET", "/blobs"), ("GET", "/blob/a"), ("HEAD", "/blob/a"), ("PUT", "/blob/a"), ("DELETE", "/blob/a"),
        ("GET", "/blob/a/status"), ("POST", "/upload"), ("POST", "/uploads"), ("GET", "/uploads/a"),
        ("PUT", "/uploads/a/1"), ("POST", "/uploads/a/complete"), ("GET", "/nodes"), ("GET", "/nodes/a"),
        ("DELETE", "/nodes/a"), ("POST", "/nodes/a/drain"), ("GET", "/status"), ("POST", "/gc"), ("POST", "/scrub"),
        ("GET", "/keys"), ("POST", "/keys"), ("PATCH", "/keys/a"), ("DELETE", "/keys/a"),
      ] {
        for header in [
          nil, "Bearer x", "Bearer \(Self.first.id):wrong", "Bearer nobody:\(Self.first.secret)", "Basic YTpi",
        ] {
          let answer = try await curl.run(
            path, (method == "HEAD" ? ["-I"] : ["-X", method]) + (header.map { ["-H", "Authorization: \($0)"] } ?? []))
          let expected = header == "Basic YTpi" ? 400 : 401
          #expect(answer.status == expected, "\(method) \(path) with \(header ?? "nothing")")
        }
      }
      #expect(try await curl.put("a", "x", "-H", Self.first.bearer).status == 201)
      #expect(try await curl("/blob/a", "-H", Self.first.bearer).text == "x")
      let signed = try await curl.run("/blob/a", Self.first.signing + Self.emptyHash)
      #expect(signed.text == "x")
      let hash = "x-amz-content-sha256: " + String(repeating: "0", count: 64)
      let wrong = try await curl.run(
        "/blob/b", Self.first.signing + ["-H", hash, "-X", "PUT", "--data-binary", "hello"])
      #expect(wrong.status == 400, "\(wrong.text)")
      #expect(try await curl("/blob/b", "-H", Self.first.bearer).status == 404)

      let reader = try #require(
        PrintedKey(try await cairn(server, Self.first, "key", "create", "--bucket", "default", "--allow", "read")))
      #expect(try await cairn(server, reader, "cat", "a") == "x")
      #expect(try await cairn(server, reader, "nodes").contains("NODE"))
      for (method, path) in [("PUT", "/blob/a"), ("DELETE", "/blob/a"), ("POST", "/gc"), ("GET", "/keys")] {
        #expect(try await curl(path, "-X", method, "-H", reader.bearer).status == 403, "\(method) \(path)")
      }
      let copy = try await curl(
        "/blob/c", "-X", "PUT", "-H", "X-Cairn-Copy-Source: a", "-H", reader.bearer)
      #expect(copy.status == 403)
      #expect(!server.log.contains(Self.first.secret))
      try await server.stopInOrder()
    }

    @Test func anAddressForOthersNeedsAuthOrTheWordOfTheOperator() async throws {
      let folder = try TemporaryFolder("open")
      let settings = ["HOST": "0.0.0.0", "PORT": "0", "S3_PORT": "off", "BASE_STORAGE_PATH": folder.path + "/data"]
      let refused = try await CairnProcess.run(["server"], settings)
      #expect(refused.exitCode != 0)
      #expect(refused.output.contains("AUTH=required") && refused.output.contains("ALLOW_ANONYMOUS=1"))
      let open = try await CairnProcess.server(settings.merging(["ALLOW_ANONYMOUS": "1"]) { $1 })
      #expect(try await open.curl().put("a", "x").status == 201)
      // Not even then may anybody make keys.
      #expect(try await open.curl()("/keys", "-X", "POST").status == 401)
      try await open.stopInOrder()
      let closed = try await CairnProcess.server(
        settings.merging(Self.configured) { $1 }.merging(["AUTH": "required"]) { $1 })
      #expect(try await closed.curl()("/blob/a").status == 401)
      try await closed.stopInOrder()
    }

    // MARK: A cluster

    @Test func keysCountOnEveryCoordinator() async throws {
      let cluster = try await Cluster(coordinators: 2, nodes: 1, ["CLUSTER_SECRET": "cluster secret"])
      let made = try await cairn(cluster.coordinators[0], nil, "key", "create", "--bucket", "*", "--allow", "all")
      let key = try #require(PrintedKey(made))
      func status(_ coordinator: Int) async throws -> Int {
        try await Curl(port: try #require(cluster.coordinators[coordinator].s3Port)).run(
          "/default", key.signing + Self.emptyHash
        ).status
      }
      for coordinator in 0..<2 { #expect(try await status(coordinator) == 200) }
      _ = try await cairn(cluster.coordinators[1], nil, "key", "rm", key.id)
      #expect(try await status(1) == 403)
      try await eventually("the other one notices") { try await status(0) == 403 }
    }
  }
}
