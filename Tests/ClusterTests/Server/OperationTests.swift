import CairnTestSupport
import Foundation
import Testing

extension ServerSuite {
  /// What an operator does and sees.
  @Suite struct OperationTests {
    @Test func aTransferUnderWayIsFinishedBeforeTheEnd() async throws {
      let server = try await CairnProcess.server()
      let file = server.folder.path + "/file"
      try RandomBytes.writeFile(file, count: 30 << 20)
      let curl = try server.curl()
      #expect(try await curl("/blob/down", "-T", file).status == 201)
      async let upload = curl("/blob/up", "-T", file, "--limit-rate", "15M")
      async let download = curl("/blob/down", "--limit-rate", "15M")
      try await Task.sleep(for: .milliseconds(700))
      server.signal(SIGTERM)
      try await eventually("new connections are refused") { try await curl("/health").exitCode != 0 }
      #expect(!server.hasEnded)
      #expect(try await upload.status == 201)
      expectSame(try await download.body, FileManager.default.contents(atPath: file))
      #expect(try await server.waitUntilEnded() == 0)
      try await server.restart()
      expectSame(try await server.curl()("/blob/up").body, FileManager.default.contents(atPath: file))
    }

    @Test func anIdleConnectionDoesNotHoldTheEndUp() async throws {
      let server = try await CairnProcess.server()
      let connection = try WireClient(port: server.port)
      #expect(try connection.request("GET", "/health").status == 200)
      let start = ContinuousClock.now
      try await server.stopInOrder()
      #expect(ContinuousClock.now - start < .seconds(10))
      withExtendedLifetime(connection) {}
    }

    @Test func aTransferThatNeverEndsIsCutOffAfterTheGrace() async throws {
      let server = try await CairnProcess.server(["SHUTDOWN_GRACE": "1"])
      let connection = try WireClient(port: server.port)
      try connection.send(Array("PUT /blob/stuck HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nx".utf8)[...])
      try await Task.sleep(for: .milliseconds(200))
      let start = ContinuousClock.now
      try await server.stopInOrder()
      #expect(ContinuousClock.now - start < .seconds(15))
      withExtendedLifetime(connection) {}
    }

    @Test func theSecondServerOnOneStoragePathIsRefused() async throws {
      let server = try await CairnProcess.server()
      let result = try await CairnProcess.run(
        ["server"], ["PORT": "0", "BASE_STORAGE_PATH": server.storagePath])
      #expect(result.exitCode == 1)
      #expect(result.output.contains(server.storagePath), "\(result.output)")
      #expect(result.output.contains("\(server.pid)") || result.output.contains("in use"), "\(result.output)")
      #expect(try await server.curl().put("a", "x").status == 201)
    }

    @Test func configTellsWhereEachValueComesFrom() async throws {
      let result = try await CairnProcess.run(
        ["config", "server", "--port", "1234"], ["PORT": "99", "BASE_STORAGE_PATH": "/somewhere"])
      #expect(result.exitCode == 0)
      #expect(result.output.contains(/(?m)^PORT +1234 +\(flag\)$/), "\(result.output)")
      #expect(result.output.contains(/(?m)^BASE_STORAGE_PATH +\/somewhere +\(environment\)$/))
      #expect(result.output.contains(/(?m)^DURABILITY +sync +\(default\)$/))
      let node = try await CairnProcess.run(
        ["config", "node"], ["CLUSTER_SECRET": TestSecret.cluster, "REDIS_PASSWORD": "hidden"])
      #expect(node.exitCode == 0)
      #expect(!node.output.contains("hidden") && !node.output.contains(TestSecret.cluster))
      #expect(node.output.contains(/(?m)^REDIS_HOST +redis +\(default\)$/))
    }

    @Test(arguments: [
      ["PORT": "x"], ["PORT": "70000"], ["DURABILITY": "maybe"], ["MIN_FREE_SPACE": "lots"], ["NODE_TIMEOUT": "-1"],
      ["MAX_ENTRIES_PER_DIRECTORY": "37"], ["LOG_LEVEL": "loud"], ["MAX_UPLOAD_SIZE": "0"],
    ])
    func badSettingsAreToldByNameValueAndWhatIsAllowed(setting: [String: String]) async throws {
      let (name, value) = try #require(setting.first)
      let folder = try TemporaryFolder("bad")
      let result = try await CairnProcess.run(
        ["server"], ["PORT": "0", "BASE_STORAGE_PATH": folder.path + "/data"].merging(setting) { $1 })
      #expect(result.exitCode != 0)
      let message = result.output.split(separator: "\n").filter { $0.contains(name) }
      #expect(message.count == 1, "\(result.output)")
      #expect(message.first?.contains("'\(value)'") == true, "\(result.output)")
      #expect(message.first?.contains("allowed: ") == true, "\(result.output)")
      #expect(!FileManager.default.fileExists(atPath: folder.path + "/data"))
    }

    @Test func helpAndVersionNeedNoManual() async throws {
      let version = try await CairnProcess.run(["--version"])
      #expect(version.exitCode == 0)
      #expect(version.output.contains(/^\d+\.\d+\.\d+\n$/), "\(version.output)")
      let help = try await CairnProcess.run(["--help"])
      #expect(help.exitCode == 0)
      for word in ["server", "coordinator", "node", "config", "curl"] { #expect(help.output.contains(word)) }
      let server = try await CairnProcess.run(["server", "--help"])
      for word in ["BASE_STORAGE_PATH", "DURABILITY", "MIN_FREE_SPACE", "8000"] {
        #expect(server.output.contains(word))
      }
    }

    @Test func theHealthcheckSaysWhatIsWrong() async throws {
      // Sources/…/Tests/ClusterTests/Server/OperationTests.swift, four folders down.
      let script = #filePath.split(separator: "/").dropLast(4).reduce("") { "\($0)/\($1)" } + "/scripts/healthcheck"
      let server = try await CairnProcess.server()
      let healthy = try await ShortProcess.run(script, ["storage", "\(server.port)"])
      #expect(healthy.exitCode == 0)
      #expect(healthy.output == "storage is healthy\n")
      server.signal(SIGSTOP)
      let frozen = try await ShortProcess.run(script, ["storage", "\(server.port)"])
      server.signal(SIGCONT)
      #expect(frozen.exitCode == 1)
      #expect(frozen.output.contains("storage"), "\(frozen.output)")
      try await server.stopInOrder()
      let gone = try await ShortProcess.run(script, ["storage", "\(server.port)"])
      #expect(gone.exitCode == 1)
      #expect(gone.output.hasPrefix("Cannot connect to storage: "), "\(gone.output)")
    }

    @Test func logsAreJSONLinesWithTheRequestID() async throws {
      let server = try await CairnProcess.server(["DEBUG": "1"])
      let answer = try await server.curl()("/blob/missing")
      let id = try #require(answer.headers["x-request-id"])
      try await eventually("the request is in the log") { server.log.contains(id) }
      for line in server.log.split(separator: "\n") {
        let entry = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any], "\(line)")
        for key in ["time", "level", "message"] { #expect(entry[key] is String, "\(line)") }
      }
    }
  }
}
