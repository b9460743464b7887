import CairnTestSupport
import Foundation
import Testing

extension ServerSuite {
  /// What the process is to the machine that it runs on: its signals, its standard error, its files.
  @Suite struct ProcessTests {
    @Test(arguments: [SIGSEGV, SIGABRT, SIGTRAP]) func aCrashLeavesALine(number: Int32) async throws {
      let server = try await CairnProcess.server(["SWIFT_BACKTRACE": "enable=no", "LOG_LEVEL": "info"])
      server.signal(number)
      #expect(try await server.waitUntilEnded() == -number)
      let lines = server.log.split(separator: "\n")
      let index = try #require(lines.firstIndex { $0.contains("ended by a fatal signal") }, "\(server.log)")
      let line = try JSONSerialization.jsonObject(with: Data(lines[index].utf8)) as? [String: String] ?? [:]
      let names = [SIGSEGV: "SIGSEGV", SIGABRT: "SIGABRT", SIGTRAP: "SIGTRAP"]
      #expect(line["signal"] == names[number])
      #expect(line["role"] == "server")
      #expect(line["level"] == "critical")
      #expect(line["version"]?.isEmpty == false)
      // Frames, which addr2line understands.
      #expect(lines[(index + 1)...].contains { $0.contains("cairn(+0x") || $0.contains("libc.so") }, "\(server.log)")
    }

    @Test func standardErrorThatNobodyReadsStopsNothing() async throws {
      let folder = try TemporaryFolder("unread")
      let (fifo, port) = (folder.path + "/stderr", try RedisServer.freePort())
      #expect(mkfifo(fifo, 0o600) == 0)
      let reader = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
      defer { close(reader) }
      // Less than what a start logs.
      #expect(setPipeCapacity(reader, 4096))
      let command = "exec \"$0\" server 2>\"$1\""
      let process = try GuardedProcess(
        "/bin/sh", ["-c", command, CairnProcess.program, fifo],
        environment: [
          "PATH=/usr/bin:/bin", "BASE_STORAGE_PATH=\(folder.path)/data", "PORT=\(port)", "S3_PORT=off",
          "MIN_FREE_SPACE=16M", "LOG_LEVEL=trace",
        ], output: folder.path + "/stdout", directory: folder.path)
      let curl = try Curl(port: port)
      try await eventually("health") { try await curl("/health").status == 200 }
      for index in 0..<200 { #expect(try await curl.put("name-\(index)", "x").status == 201) }
      var waiting: Int32 = 0
      #expect(ioctl(reader, UInt(FIONREAD), &waiting) == 0)
      #expect(waiting > 1024, "the pipe was never full, so this test shows nothing")
      #expect(try await curl("/health").status == 200)
      let start = ContinuousClock.now
      process.signal(SIGTERM)
      #expect(try await process.waitUntilEnded() == 0)
      #expect(ContinuousClock.now - start < .seconds(20))
    }

    @Test func aHangUpIsIgnoredAndLogged() async throws {
      let server = try await CairnProcess.server()
      server.signal(SIGHUP)
      try await eventually("a line about it") { server.log.contains("SIGHUP ignored") }
      #expect(try await server.curl()("/health").status == 200)
      try await server.stopInOrder()
      #expect(server.log.contains("\"message\":\"stopped\""), "the last line is written")
    }

    @Test func nobodyElseCanReadWhatIsStored() async throws {
      let server = try await CairnProcess.server()
      #expect(try await server.curl().put("secret", "payload").status == 201)
      try await server.stopInOrder()
      let root = URL(filePath: server.storagePath)
      let found = try #require(FileManager.default.enumerator(atPath: root.path))
      let names = [""] + found.compactMap { $0 as? String }
      #expect(names.contains { $0.hasSuffix("catalog.sqlite") } && names.contains { $0.hasSuffix(".log") })
      for name in names {
        var status = stat()
        #expect(lstat(root.appending(path: name).path, &status) == 0)
        #expect(status.st_mode & 0o077 == 0, "\(name) has mode \(String(status.st_mode & 0o777, radix: 8))")
      }
    }
  }
}
