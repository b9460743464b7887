import CairnTestSupport
import Foundation
import Testing

extension ServerSuite {
  /// A disk that runs full.
  @Suite struct FullDiskTests {
    /// Whether this process may mount file systems, in a name space of its own that ends with the server.
    static let canMount: Bool = {
      let probe = Process()
      probe.executableURL = URL(fileURLWithPath: "/bin/sh")
      probe.arguments = ["-c", "unshare --mount sh -c 'mount -t tmpfs -o size=1m none /mnt'"]
      probe.standardError = FileHandle.nullDevice
      guard (try? probe.run()) != nil else { return false }
      probe.waitUntilExit()
      return probe.terminationStatus == 0
    }()

    @Test(.enabled(if: canMount, "needs the right to mount"), .timeLimit(.minutes(2)))
    func aFullDiskRefusesUploadsServesTheRestAndRecovers() async throws {
      let folder = try TemporaryFolder("full")
      let data = folder.path + "/data"
      try FileManager.default.createDirectory(atPath: data, withIntermediateDirectories: true)
      let server = try await CairnProcess(
        .server,
        ["VOLUME_SIZE": "32M", "MIN_FREE_SPACE": "40M", "GARBAGE_GRACE": "0", "NODE_HEARTBEAT_INTERVAL": "0.2"],
        folder: folder,
        launcher: [
          "unshare", "--mount", "sh", "-c", "mount -t tmpfs -o size=200m none '\(data)' && exec \"$0\" \"$@\"",
        ])
      let curl = try server.curl()
      let file = folder.path + "/file"
      try RandomBytes.writeFile(file, count: 4 << 20)
      var stored: [String] = []
      var refused: Curl.Answer?
      for number in 0..<100 where refused == nil {
        let answer = try await curl("/blob/\(number)", "-T", file)
        if answer.status == 201 { stored.append("\(number)") } else { refused = answer }
      }
      let answer = try #require(refused, "the disk was never full")
      #expect(answer.status == 507, "\(answer.text)")
      #expect(answer.detail?.isEmpty == false)
      #expect(stored.count > 20)
      #expect(try await curl("/upload", "-F", "file=@\(file)").status == 507)
      // What is there is still served, and can be deleted.
      for name in stored {
        expectSame(try await curl("/blob/\(name)").body, FileManager.default.contents(atPath: file), name)
      }
      #expect(try await Set(curl.names()) == Set(stored))
      #expect(try await curl("/health").status == 200)
      for name in stored.dropLast(3) {
        let deleted = try await curl("/blob/\(name)", "-X", "DELETE")
        #expect(deleted.status == 204, "\(deleted.text)")
      }
      try await eventually("space is given back", within: .seconds(60), every: .milliseconds(200)) {
        try await curl("/blob/again", "-T", file).status < 300
      }
      expectSame(try await curl("/blob/again").body, FileManager.default.contents(atPath: file))
      for name in stored.suffix(3) {
        expectSame(try await curl("/blob/\(name)").body, FileManager.default.contents(atPath: file), name)
      }
      try await server.stopInOrder()
    }

    @Test func aReserveLargerThanTheDiskRefusesAllUploads() async throws {
      let server = try await CairnProcess.server()
      #expect(try await server.curl().put("a", "x").status == 201)
      try await server.stopInOrder()
      try await server.restart(["MIN_FREE_SPACE": "1000T"])
      let curl = try server.curl()
      let answer = try await curl.put("b", "x")
      #expect(answer.status == 507)
      #expect(answer.detail?.contains("reserve") == true, "\(answer.text)")
      #expect(try await curl("/blob/a").text == "x")
      let nodes = try await curl("/nodes").json["active_nodes"] as? [[String: Any]]
      #expect(nodes?.first?["status"] as? String == "read-only")
      #expect(try await curl("/blob/a", "-X", "DELETE").status == 204)
      #expect(try await curl.names() == [])
      try await server.stopInOrder()
      try await server.restart(["MIN_FREE_SPACE": "16M"])
      #expect(try await server.curl().put("b", "x").status == 201)
      #expect(try await server.curl().names() == ["b"])
    }
  }
}
