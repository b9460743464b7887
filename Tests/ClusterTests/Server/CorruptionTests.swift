import CairnTestSupport
import Foundation
import Testing

extension ServerSuite {
  /// Corruption is found, not served (invariant 8).
  @Suite struct CorruptionTests {
    /// In a head record read into memory, in one that is sent from the file, and in a chunk.
    @Test(arguments: [1000, 1 << 20, 20 << 20]) func aFlippedByteIsNeverServed(length: Int) async throws {
      let server = try await CairnProcess.server()
      let file = server.folder.path + "/file"
      try RandomBytes.writeFile(file, count: length, from: 99)
      #expect(try await server.curl()("/blob/damaged", "-T", file).status == 201)
      #expect(try await server.curl().put("whole", "whole").status == 201)
      try await server.stopInOrder()
      try server.flipByte(in: Data(RandomBytes.slice(from: 99, count: length)), at: length / 2)
      try await server.restart()
      let curl = try server.curl()
      let answer = try await curl("/blob/damaged")
      let isRefused = answer.status == 500 && answer.detail != nil
      let isCutShort = answer.status == 200 && answer.exitCode != 0 && answer.body.count < length
      #expect(
        isRefused || isCutShort, "status \(answer.status), \(answer.body.count) bytes, curl says \(answer.exitCode)")
      if answer.status == 200 {
        let bytes = try #require(FileManager.default.contents(atPath: file))
        expectSame(answer.body, bytes.prefix(answer.body.count), "what came before the damage")
      }
      // Nothing else is touched by it, and the name can be written again.
      #expect(try await curl("/blob/whole").text == "whole")
      #expect(try await curl("/blob/damaged", "-T", file).status == 200)
      expectSame(try await curl("/blob/damaged").body, FileManager.default.contents(atPath: file))
    }

    /// As after damage to the catalog's file: an entry refers to another object's head record.
    @Test func anEntryThatNamesAnotherObjectsBytesIsNeverServed() async throws {
      let server = try await CairnProcess.server(["ALLOW_ANONYMOUS": "1"])
      let file = server.folder.path + "/file"
      try RandomBytes.writeFile(file, count: 9 << 20, from: 99)
      let names = ["small", "large"]
      for name in names { #expect(try await server.curl().put("my-\(name)", "mine").status == 201) }
      #expect(try await server.curl().put("secret-small", "secret").status == 201)
      #expect(try await server.curl()("/blob/secret-large", "-T", file).status == 201)
      try await server.stopInOrder()
      let change = names.map { name in
        """
        update objects set (version, value) = (select version, value from objects where key = cast('secret-\(name)' as blob))
        where key = cast('my-\(name)' as blob);
        """
      }.joined()
      let changed = try await ShortProcess.run("sqlite3", [server.storagePath + "/catalog.sqlite", change])
      #expect(changed.exitCode == 0, "\(changed.output)")
      try await server.restart()
      let (native, s3) = (try server.curl(), try Curl(port: try #require(server.s3Port), of: server))
      for name in names {
        for (curl, path) in [(native, "/blob/"), (native, "/file/"), (native, "/retrieve/"), (s3, "/default/")] {
          for arguments in [[], ["-H", "Range: bytes=1-3"]] {
            let answer = try await curl.run(path + "my-\(name)", arguments)
            #expect(answer.status == 500, "\(path)\(name): \(answer.status) \(answer.body.count)")
          }
        }
        let copy = try await native(
          "/blob/copy", "-X", "PUT", "-H", "X-Cairn-Copy-Source: my-\(name)", "--data-binary", "")
        #expect(copy.status == 500, "\(copy.text)")
        #expect(try await s3("/default/copy", "-X", "PUT", "-H", "x-amz-copy-source: default/my-\(name)").status == 500)
      }
      // A list without them would claim that they don't exist.
      #expect(try await native("/blobs").status == 500)
      #expect(try await native("/blob/secret-small").text == "secret")
      // The name can be written again, and no chunk of the other object goes with it.
      for name in names { #expect(try await native.put("my-\(name)", "mine again").status == 201) }
      #expect(try await native.names() == ["my-large", "my-small", "secret-large", "secret-small"])
      expectSame(try await native("/blob/secret-large").body, FileManager.default.contents(atPath: file))
    }

    /// Nothing reads the file, and there is no second copy: the operator is told.
    @Test func aScrubFindsDamageAndTheStatusTellsOfIt() async throws {
      let server = try await CairnProcess.server(["SCRUB_RATE": "0", "NODE_HEARTBEAT_INTERVAL": "0.2"])
      let curl = try server.curl()
      let bytes = Data(RandomBytes.slice(from: 99, count: 100_000))
      try bytes.write(to: URL(filePath: server.folder.path + "/file"))
      #expect(try await curl("/blob/damaged", "-T", server.folder.path + "/file").status == 201)
      try server.flipByte(in: bytes, at: 50_000)
      #expect(try await curl("/scrub", "-X", "POST").status == 202)
      let node = try await eventually("the damage is known") {
        let nodes = try await curl("/status").json["nodes"] as? [[String: Any]]
        return nodes?.first { $0["damaged_count"] as? Int == 1 }
      }
      #expect(node["port"] as? Int == server.port)
      #expect(server.log.contains("\"damage found\""))
    }
  }
}
