import CairnTestSupport
import Foundation
import Testing

/// What two names are told apart by in these tests.
private let (first, second) = (String(repeating: "a", count: 1000), String(repeating: "b", count: 1000))

private func expectRefused(_ curl: Curl, sourceLocation: SourceLocation = #_sourceLocation) async throws {
  for arguments in [[], ["-I"], ["-X", "DELETE"]] {
    let answer = try await curl.run("/blob/a", arguments)
    #expect(answer.status == 500, "\(arguments): \(answer.text)", sourceLocation: sourceLocation)
    guard arguments != ["-I"] else { continue }
    #expect(answer.detail?.contains("cairn recover") == true, "\(answer.text)", sourceLocation: sourceLocation)
  }
  #expect(try await curl("/blobs").status == 500, sourceLocation: sourceLocation)
  #expect(try await curl("/blob/b").text == second, sourceLocation: sourceLocation)
}

/// Until what was replaced would be called garbage on the disks.
private func waitForGarbage() async throws { try await Task.sleep(for: .milliseconds(1500)) }

extension ClusterSuite {
  /// An entry of the catalog in Redis that is another object's.
  @Suite struct DamagedEntryTests {
    @Test func overwritingItDestroysNothing() async throws {
      let cluster = try await Cluster(["REPLICATION_FACTOR": "2"])
      let curl = try cluster.curl()
      func damage() throws {
        try cluster.redis.command(
          "EVAL", "return redis.call('HSET', KEYS[1], 'a', redis.call('HGET', KEYS[1], 'b'))", "1",
          "cairn:{default}:objects")
      }
      #expect(try await curl.put("a", first).status == 201)
      #expect(try await curl.put("b", second).status == 201)
      try damage()
      try await expectRefused(curl)
      let replaced = try await curl.put("a", first + "2")
      #expect([200, 201].contains(replaced.status), "\(replaced.text)")
      #expect(try await curl("/blob/a").text == first + "2")
      try await waitForGarbage()
      let verified = try await CairnProcess.run(["recover", "--verify"], cluster.settings)
      #expect(verified.exitCode == 0, "\(verified.output)")

      try damage()
      let found = try await CairnProcess.run(["recover", "--verify"], cluster.settings)
      #expect(found.exitCode == 1 && found.output.contains("is damaged"), "\(found.output)")
      let recovered = try await CairnProcess.run(["recover"], cluster.settings)
      #expect(
        recovered.exitCode == 0 && recovered.output.contains("repaired: catalog: the entry of"), "\(recovered.output)")
      try await eventually("read again") { try await curl("/blob/a").text == first + "2" }
      try await eventually("listed again") { try await curl("/blobs").status == 200 }
      #expect(try await curl.names() == ["a", "b"])
    }
  }
}

extension ServerSuite {
  /// The same in SQLite.
  @Suite struct DamagedEntryTests {
    private func damage(_ server: CairnProcess) async throws {
      let result = try await ShortProcess.run(
        "/usr/bin/python3",
        [
          "-c",
          """
          import sqlite3, sys
          database = sqlite3.connect(sys.argv[1])
          database.execute("UPDATE objects SET (version, value) = (SELECT version, value FROM objects WHERE key = x'62')"
                           " WHERE key = x'61'")
          database.commit()
          """, server.storagePath + "/catalog.sqlite",
        ], environment: [])
      #expect(result.exitCode == 0, "\(result.output)")
    }

    @Test func overwritingItDestroysNothing() async throws {
      let server = try await CairnProcess.server()
      #expect(try await server.curl().put("a", first).status == 201)
      #expect(try await server.curl().put("b", second).status == 201)
      try await server.stopInOrder()
      try await damage(server)
      try await server.restart()
      try await expectRefused(server.curl())
      let replaced = try await server.curl().put("a", first + "2")
      #expect([200, 201].contains(replaced.status), "\(replaced.text)")
      try await waitForGarbage()
      try await server.stopInOrder()
      let arguments = ["recover", "--sqlite", "--base-storage-path", server.storagePath]
      let verified = try await CairnProcess.run(arguments + ["--verify"], ["MIN_FREE_SPACE": "16M"])
      #expect(verified.exitCode == 0, "\(verified.output)")
      try await damage(server)
      let recovered = try await CairnProcess.run(arguments, ["MIN_FREE_SPACE": "16M"])
      let isRepaired = recovered.output.contains("repaired: catalog: the entry of")
      #expect(recovered.exitCode == 0 && isRepaired, "\(recovered.output)")
      try await server.restart()
      #expect(try await server.curl()("/blob/a").text == first + "2")
      #expect(try await server.curl().names() == ["a", "b"])
    }
  }
}
