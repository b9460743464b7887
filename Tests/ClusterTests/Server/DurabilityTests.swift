import CairnTestSupport
import Foundation
import Testing

extension ServerSuite {
  /// Acknowledged is durable (invariant 1): what the process asks of the kernel, and in which order.
  @Suite(.enabled(if: SystemCallTrace.isPossible, "needs strace and the right to trace")) struct DurabilityTests {
    @Test func theRecordIsOnTheDiskBeforeTheAnswerIsSent() async throws {
      let server = try await CairnProcess.server()
      // The volume is there already.
      #expect(try await server.curl().put("first", "x").status == 201)
      let calls = try await SystemCallTrace.of(server) {
        let answer = try await server.curl().put("traced", String(repeating: "y", count: 1000))
        #expect(answer.status == 201)
      }
      let written = try #require(calls.firstIndex { $0.isWrite && $0.text.contains(".log>") }, "\(calls)")
      let synced = try #require(calls.firstIndex { $0.isSync && $0.text.contains(".log>") }, "\(calls)")
      let answered = try #require(calls.firstIndex { $0.isWrite && $0.text.contains("HTTP/1.1 201 ") }, "\(calls)")
      #expect(written < synced)
      #expect(synced < answered)
      #expect(calls[synced].result == "0")
    }

    @Test func aLargeFileIsOnTheDiskBeforeTheAnswerIsSent() async throws {
      let server = try await CairnProcess.server()
      let file = server.folder.path + "/file"
      try RandomBytes.writeFile(file, count: 20 << 20)
      let calls = try await SystemCallTrace.of(server) {
        let answer = try await server.curl()("/blob/traced", "-T", file)
        #expect(answer.status == 201)
      }
      let writes = calls.indices.filter { calls[$0].isWrite && calls[$0].text.contains(".log>") }
      let answered = try #require(calls.firstIndex { $0.isWrite && $0.text.contains("HTTP/1.1 201 ") })
      let lastWrite = try #require(writes.last)
      // Three chunks and the head record.
      #expect(writes.count >= 4)
      #expect(calls[lastWrite..<answered].contains { $0.isSync && $0.text.contains(".log>") && $0.result == "0" })
    }

    @Test func withoutDurabilityTheAnswerDoesNotWait() async throws {
      let server = try await CairnProcess.server(["DURABILITY": "async"])
      #expect(try await server.curl().put("first", "x").status == 201)
      let calls = try await SystemCallTrace.of(server) {
        #expect(try await server.curl().put("traced", "y").status == 201)
        // Soon after it is synced all the same.
        try await Task.sleep(for: .seconds(3))
      }
      let written = try #require(calls.firstIndex { $0.isWrite && $0.text.contains(".log>") })
      let synced = try #require(calls[written...].firstIndex { $0.isSync && $0.text.contains(".log>") })
      let answered = try #require(calls.firstIndex { $0.isWrite && $0.text.contains("HTTP/1.1 201 ") })
      #expect(answered < synced)
    }

    /// A process that died between `mkdir` or `rename` and the sync of the directory left an entry that nobody would sync
    /// again.
    @Test func aStartSyncsTheDirectoriesThatItFinds() async throws {
      let server = try await CairnProcess.server()
      #expect(try await server.curl().put("first", "x").status == 201)
      try await server.stopInOrder()
      let calls = server.folder.path + "/calls"
      let started = try await ShortProcess.run(
        "strace",
        ["-f", "-y", "-e", "trace=fsync", "-o", calls, CairnProcess.program]
          + ["recover", "--sqlite", "--base-storage-path", server.storagePath],
        environment: ["MIN_FREE_SPACE=16M"])
      #expect(started.exitCode == 0, "\(started.output)")
      let trace = try String(contentsOfFile: calls, encoding: .utf8)
      let below = FileManager.default.subpaths(atPath: server.storagePath + "/volumes") ?? []
      let folders = below.filter { !$0.contains(".") }.map { "/volumes/\($0)" }
      #expect(folders.count > 1)
      let base = URL(filePath: server.storagePath).standardizedFileURL.deletingLastPathComponent().path
      for path in [base] + ["", "/volumes"].map({ server.storagePath + $0 }) + folders.map({ server.storagePath + $0 })
      {
        #expect(trace.contains("\(path)>)"), "\(path) was not synced: \(trace)")
      }
    }

    @Test func manyClientsShareSyncs() async throws {
      let server = try await CairnProcess.server()
      let port = server.port
      #expect(try await server.curl().put("first", "x").status == 201)
      let (clients, putsEach) = (64, 20)
      // On a disk on which a sync takes nothing there is nothing to be shared.
      let calls = try await SystemCallTrace.of(server, slowingSyncsBy: 5) {
        try await withThrowingTaskGroup(of: Void.self) { group in
          for client in 0..<clients {
            group.addTask {
              try await BlockingThreads.run {
                let connection = try WireClient(port: port)
                for number in 0..<putsEach {
                  let answer = try connection.request(
                    "PUT", "/blob/\(client)-\(number)", body: RandomBytes.slice(from: number, count: 1024))
                  #expect(answer.status == 201)
                }
              }
            }
          }
          try await group.waitForAll()
        }
      }
      let syncs = calls.filter { $0.isSync && $0.text.contains(".log>") }.count
      print("durability test: \(syncs) syncs for \(clients * putsEach) uploads by \(clients) clients")
      #expect(syncs > 0)
      #expect(syncs < clients * putsEach / 4)
    }
  }
}
