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
  /// Arguments of curl that sign a request to the S3 port.
  var signing: [String] { ["--aws-sigv4", "aws:amz:us-east-1:s3", "--user", token] }
  /// Arguments of curl that sign a request to the native port.
  var nativeSigning: [String] { ["--aws-sigv4", "aws:amz:us-east-1:cairn", "--user", token] }
}

extension S3Suite {
  /// Who may do what, on both ports.
  @Suite struct AccessTests {
    private static let first = PrintedKey(id: "first-key", secret: "correct/horse+battery")
    private static let configured = first.settings
    private static let unsignedPayload = ["-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD"]

    private func cairn(_ server: CairnProcess, _ key: PrintedKey?, _ arguments: String...) async throws -> String {
      var environment = ["CAIRN_SERVER": "http://127.0.0.1:\(server.port)"]
      environment["CAIRN_TOKEN"] = key?.token
      let result = try await CairnProcess.run(arguments, environment)
      #expect(result.exitCode == 0, "\(arguments): \(result.output)")
      return result.output
    }

    // MARK: S3

    @Test func presignedURLsAndErrorsAreWhatBoto3Expects() async throws {
      let server = try await CairnProcess.server(Self.configured.merging(["AUTH": "required"]) { $1 })
      let port = try #require(server.s3Port)
      try await S3Clients.run(
        "presigned_cases.py", ["\(port)", Self.first.id, Self.first.secret, "\(server.port)"])
      try await server.stopInOrder()
    }

    @Test func curlSignsPutAndGet() async throws {
      let server = try await CairnProcess.server(Self.configured)
      let curl = try Curl(port: try #require(server.s3Port), of: server)
      let put = try await curl.run(
        "/default/a.txt", Self.first.signing + Self.unsignedPayload + ["-X", "PUT", "--data-binary", "hello"])
      #expect(put.status == 200, "\(put.text)")
      #expect(try await curl.run("/default/a.txt", Self.first.signing + Self.unsignedPayload).text == "hello")
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
        return try await s3.run(path, key.signing + Self.unsignedPayload + ["-X", method] + empty).status
      }
      // The ids, and when each was made; a key's further grants follow in lines that begin with blanks.
      func created() async throws -> [[Substring]] {
        try await cairn(server, nil, "key", "list").split(separator: "\n").filter { !$0.hasPrefix(" ") }
          .map { Array($0.split(separator: " ").prefix(2)) }
      }
      let createdAtFirst = try await created()
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
      #expect(try await again.run("/default/a", key.signing + Self.unsignedPayload).status == 200)

      // Neither the changes nor the restart made the keys younger.
      #expect(try await created() == createdAtFirst)
      #expect(try await cairn(server, nil, "key", "list").contains(key.id))
      _ = try await cairn(server, nil, "key", "rm", key.id)
      #expect(try await !cairn(server, nil, "key", "list").contains(key.id))
      let removed = try await again.run("/default/a", key.signing + Self.unsignedPayload)
      #expect(removed.status == 403 && removed.text.contains("<Code>InvalidAccessKeyId</Code>"), "\(removed.text)")
      try await server.stopInOrder()
    }

    @Test func anOwnerIsShownAndCanBeRestricted() async throws {
      let server = try await CairnProcess.server(Self.configured)
      let key = try #require(
        PrintedKey(try await cairn(server, nil, "key", "create", "--bucket", "*", "--allow", "owner")))
      func status(_ method: String, _ path: String) async throws -> Int {
        let s3 = try Curl(port: try #require(server.s3Port), of: server)
        let empty = method == "PUT" ? ["--data-binary", ""] : []
        return try await s3.run(path, key.signing + Self.unsignedPayload + ["-X", method] + empty).status
      }
      #expect(try await status("PUT", "/photos") == 200)
      #expect(try await status("PUT", "/photos/a") == 200)
      #expect(try await cairn(server, nil, "key", "deny", key.id, "*", "owner").contains("everything, as its owner"))
      let listed = try await cairn(server, nil, "key", "ls").split(separator: "\n")
      #expect(listed.contains { $0.contains(key.id) && $0.contains("photos  everything, as its owner") }, "\(listed)")
      #expect(try await status("PUT", "/photos/b") == 200)

      // What is denied is gone, and the rest stays.
      let denied = try await cairn(server, nil, "key", "deny", key.id, "photos", "write")
      #expect(denied.contains("read, owner") && !denied.contains("as its owner"), "\(denied)")
      try await server.stopInOrder()
      try await server.restart()
      #expect(try await status("PUT", "/photos/c") == 403)
      #expect(try await status("GET", "/photos/a") == 200)
      #expect(try await status("GET", "/photos?acl") == 200)
      #expect(try await cairn(server, nil, "key", "deny", key.id, "photos", "all").contains("nothing"))
      for path in ["/photos/a", "/photos", "/photos?acl"] { #expect(try await status("GET", path) == 403, "\(path)") }
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
      #expect(try await s3.run("/", key.signing + Self.unsignedPayload).status == 200)
      try await server.stopInOrder()
    }

    @Test func aKeyFileThatCannotBeReadIsNotReplaced() async throws {
      let server = try await CairnProcess.server()
      try await server.stopInOrder()
      let path = server.storagePath + "/access.key"
      try FileManager.default.removeItem(atPath: path)
      try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: path)
      let result = try await CairnProcess.run(
        ["server"], ["BASE_STORAGE_PATH": server.storagePath, "PORT": "0", "S3_PORT": "0"])
      #expect(result.exitCode != 0 && result.output.contains("access.key can't be read"), "\(result.output)")
      #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path) == path)
    }

    // MARK: The native API

    @Test func requiredKeysAreAskedForOnEveryRoute() async throws {
      let server = try await CairnProcess.server(Self.configured.merging(["AUTH": "required"]) { $1 })
      let curl = try server.curl()
      for path in ["/health", "/ready", "/openapi.json", "/test"] { #expect(try await curl(path).status == 200) }
      for (method, path) in [
        ("GET", "/blobs"), ("GET", "/blob/a"), ("HEAD", "/blob/a"), ("PUT", "/blob/a"), ("DELETE", "/blob/a"),
        ("GET", "/blob/a/status"), ("POST", "/upload"), ("POST", "/uploads"), ("GET", "/uploads/a"),
        ("PUT", "/uploads/a/1"), ("POST", "/uploads/a/complete"), ("GET", "/nodes"), ("GET", "/nodes/a"),
        ("DELETE", "/nodes/a"), ("POST", "/nodes/a/drain"), ("GET", "/status"), ("POST", "/gc"), ("POST", "/scrub"),
        ("GET", "/keys"), ("POST", "/keys"), ("PATCH", "/keys/a"), ("DELETE", "/keys/a"),
        ("GET", "/download?filename=a"), ("POST", "/file"), ("GET", "/file/a"), ("DELETE", "/file/a"),
        ("POST", "/store"), ("GET", "/retrieve/a"),
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
      #expect(try await curl("/blob/a", "-H", "authorization: bearer \(Self.first.token)").text == "x")
      let signed = try await curl.run("/blob/a", Self.first.nativeSigning + Self.unsignedPayload)
      #expect(signed.text == "x")
      let hash = "x-amz-content-sha256: " + String(repeating: "0", count: 64)
      let wrong = try await curl.run(
        "/blob/b", Self.first.nativeSigning + ["-H", hash, "-X", "PUT", "--data-binary", "hello"])
      #expect(wrong.status == 400, "\(wrong.text)")
      #expect(try await curl("/blob/b", "-H", Self.first.bearer).status == 404)

      let reader = try #require(
        PrintedKey(try await cairn(server, Self.first, "key", "create", "--bucket", "default", "--allow", "read")))
      #expect(try await cairn(server, reader, "cat", "a") == "x")
      #expect(try await cairn(server, Self.first, "nodes").contains("NODE"))
      for (method, path) in [
        ("PUT", "/blob/a"), ("DELETE", "/blob/a"), ("POST", "/gc"), ("GET", "/keys"), ("GET", "/nodes"),
        ("GET", "/status"),
      ] {
        #expect(try await curl(path, "-X", method, "-H", reader.bearer).status == 403, "\(method) \(path)")
      }
      let copy = try await curl(
        "/blob/c", "-X", "PUT", "-H", "X-Cairn-Copy-Source: a", "-H", reader.bearer)
      #expect(copy.status == 403)
      #expect(!server.log.contains(Self.first.secret))
      try await server.stopInOrder()
    }

    @Test func aRequestHasOneProofOfWhoSendsIt() async throws {
      let server = try await CairnProcess.server(Self.configured.merging(["AUTH": "required"]) { $1 })
      let native = try server.curl()
      let s3 = try Curl(port: try #require(server.s3Port), of: server)
      let two = ["-H", Self.first.bearer, "-H", Self.first.bearer]
      let presigned = "?X-Amz-Algorithm=a&X-Amz-Credential=b&X-Amz-Signature=c"
      for curl in [native, s3] {
        let answer = try await curl.run("/blob/a", two)
        #expect(answer.status == 400 && answer.text.contains("only one Authorization header"), "\(answer.text)")
      }
      let both = try await native.run("/blob/a" + presigned, ["-H", Self.first.bearer])
      #expect(both.status == 400 && both.text.contains("presigned URL"), "\(both.text)")
      #expect(try await native.run("/blob/a" + presigned, Self.first.nativeSigning).status == 400)
      #expect(try await s3.run("/default/a" + presigned, Self.first.signing).status == 400)
      // A signature for one port is none for the other, whatever the path.
      let foreign = try await native.run("/blob/a", Self.first.signing + Self.unsignedPayload)
      #expect(foreign.status == 400 && foreign.text.contains("belongs to"), "\(foreign.text)")
      #expect(try await s3.run("/default", Self.first.nativeSigning + Self.unsignedPayload).status == 400)
      // Of two parameters with one name somebody on the way could choose which comes first.
      let twice = try await s3.run("/default?list-type=2&prefix=a&prefix=b", Self.first.signing + Self.unsignedPayload)
      #expect(twice.status == 400 && twice.text.contains("'prefix' is given more than once"), "\(twice.text)")
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

    /// As the container image starts: somebody must be able to make keys.
    @Test func aFirstStartWithAuthMakesAKeyForOtherAddressesToo() async throws {
      let server = try await CairnProcess.server(["HOST": "0.0.0.0", "AUTH": "required"])
      let key = try #require(PrintedKey(server.log), "\(server.log)")
      #expect(try await server.curl().put("a", "x").status == 401)
      #expect(try await server.curl().put("a", "x", "-H", key.bearer).status == 201)
      #expect(try await cairn(server, key, "key", "list").contains(key.id))
      try await server.stopInOrder()
    }

    /// Whoever said both meant the stricter one.
    @Test func requiredKeysOutweighThatAnybodyMayDoEverything() async throws {
      let both = Self.configured.merging(["AUTH": "required", "ALLOW_ANONYMOUS": "1"]) { $1 }
      let server = try await CairnProcess.server(both)
      #expect(try await server.curl()("/blobs").status == 401)
      #expect(try await Curl(port: try #require(server.s3Port), of: server)("/").status == 403)
      try await server.stopInOrder()
    }

    @Test func everyCommandShowsItsToken() async throws {
      let server = try await CairnProcess.server(Self.configured.merging(["AUTH": "required"]) { $1 })
      try await everyCommandWorks(server, Self.first)
      // Without a token each says what is missing.
      let address = ["CAIRN_SERVER": "http://127.0.0.1:\(server.port)"]
      for arguments in [["ls"], ["put", "/etc/hostname"], ["nodes"], ["key", "list"]] {
        let refused = try await CairnProcess.run(arguments, address)
        #expect(refused.exitCode == 1 && refused.output.contains("set CAIRN_TOKEN"), "\(arguments): \(refused.output)")
      }
      try await server.stopInOrder()
    }

    private func everyCommandWorks(_ server: CairnProcess, _ key: PrintedKey) async throws {
      let folder = server.folder.path
      let tree = folder + "/tree"
      try FileManager.default.createDirectory(atPath: tree, withIntermediateDirectories: true)
      // Large enough for an upload in parts.
      try RandomBytes.writeFile(tree + "/large", count: 40 << 20, from: 1)
      try RandomBytes.writeFile(tree + "/small", count: 1000, from: 2)
      func run(_ arguments: String...) async throws -> String {
        let environment = ["CAIRN_SERVER": "http://127.0.0.1:\(server.port)", "CAIRN_TOKEN": key.token]
        let result = try await CairnProcess.run(arguments, environment)
        #expect(result.exitCode == 0, "\(arguments): \(result.output)")
        return result.output
      }
      func expectCopy(_ path: String, of original: String) {
        expectSame(FileManager.default.contents(atPath: path) ?? Data(), FileManager.default.contents(atPath: original))
      }
      _ = try await run("put", "--part-size", "16M", tree + "/large")
      _ = try await run("get", "large", "--output", folder + "/large.back")
      expectCopy(folder + "/large.back", of: tree + "/large")
      _ = try await run("cp", "large", "copy")
      _ = try await run("mv", "copy", "moved")
      #expect(try await run("ls").contains("moved"))
      #expect(try await run("stat", "moved").contains("moved"))
      _ = try await run("rm", "moved")
      _ = try await run("sync", tree, "tree")
      _ = try await run("sync", "--down", folder + "/tree.back", "tree")
      expectCopy(folder + "/tree.back/large", of: tree + "/large")
      expectCopy(folder + "/tree.back/small", of: tree + "/small")
      _ = try await run("send", tree + "/small")
      try FileManager.default.removeItem(atPath: tree + "/small")
      _ = try await run("receive", tree + "/small")
      expectCopy(tree + "/small", of: folder + "/tree.back/small")
      for command in ["nodes", "status", "scrub", "gc"] { _ = try await run(command) }
      #expect(try await run("key", "list").contains(key.id))
    }

    // MARK: A cluster

    @Test(arguments: [false, true]) func clustersAndPeersAskForKeysToo(arePeers: Bool) async throws {
      var cluster = try await Cluster(
        coordinators: arePeers ? 0 : 2, nodes: arePeers ? 0 : 2,
        ["CLUSTER_SECRET": TestSecret.cluster, "REPLICATION_FACTOR": "2"].merging(
          arePeers ? ["PEERS": "1", "NODE_PORT": "0"] : [:]
        ) { $1 }, key: Self.first)
      if arePeers {
        for _ in 0..<2 { cluster.coordinators.append(try await CairnProcess(.server, cluster.settings)) }
        try await cluster.waitUntilActive(2)
      }
      #expect(try await cluster.curl()("/blobs").status == 401)
      try await everyCommandWorks(cluster.coordinators[0], Self.first)
      // What one gave out counts at the other one, on both ports.
      let made = try await cairn(
        cluster.coordinators[0], Self.first, "key", "create", "--bucket", "*", "--allow", "read")
      let reader = try #require(PrintedKey(made))
      #expect(try await cluster.curl(1)("/blob/large", "-I", "-H", reader.bearer).status == 200)
      let s3 = try Curl(port: try #require(cluster.coordinators[1].s3Port))
      #expect(try await s3.run("/default/large", reader.signing + Self.unsignedPayload + ["-I"]).status == 200)
      for coordinator in cluster.coordinators { try await coordinator.stopInOrder() }
    }

    @Test func aCoordinatorThatNobodyHasAKeyForSaysSo() async throws {
      let redis = try await RedisServer()
      let settings = [
        "REDIS_HOST": "127.0.0.1", "REDIS_PORT": "\(redis.port)", "AUTH": "required", "NODE_HEARTBEAT_INTERVAL": "0.2",
        "NODE_TIMEOUT": "2",
      ]
      let coordinator = try await CairnProcess(.coordinator, settings)
      // Before a node was read, nobody knows which keys there are.
      let node = try await CairnProcess(.node, settings)
      try await eventually("it says so") { coordinator.log.contains("there is no access key") }
      try await node.stopInOrder()
    }

    @Test func keysCountOnEveryCoordinator() async throws {
      let cluster = try await Cluster(
        coordinators: 2, nodes: 1, ["CLUSTER_SECRET": TestSecret.cluster].merging(Self.configured) { $1 })
      // Without a storage path there is no other credential than a key.
      let refused = try await CairnProcess.run(
        ["key", "create"], ["CAIRN_SERVER": "http://127.0.0.1:\(cluster.coordinators[0].port)"])
      #expect(refused.exitCode == 1 && refused.output.contains("CAIRN_TOKEN"), "\(refused.output)")
      let made = try await cairn(
        cluster.coordinators[0], Self.first, "key", "create", "--bucket", "*", "--allow", "all")
      let key = try #require(PrintedKey(made))
      func status(_ coordinator: Int) async throws -> Int {
        try await Curl(port: try #require(cluster.coordinators[coordinator].s3Port)).run(
          "/default", key.signing + Self.unsignedPayload
        ).status
      }
      for coordinator in 0..<2 { #expect(try await status(coordinator) == 200) }
      _ = try await cairn(cluster.coordinators[1], Self.first, "key", "rm", key.id)
      #expect(try await status(1) == 403)
      try await eventually("the other one notices") { try await status(0) == 403 }
    }
  }
}
