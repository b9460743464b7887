import CairnTestSupport
import Foundation
import Testing

extension ServerSuite {
  /// `kill -9` at any moment loses nothing that was acknowledged, and shows nothing that is torn.
  @Suite struct CrashTests {
    /// `CAIRN_TEST_CRASH_ROUNDS` for more.
    static let rounds = Environment.variable("CAIRN_TEST_CRASH_ROUNDS").flatMap { Int($0) } ?? 50

    /// Small volumes and no grace, so that volumes are sealed and compacted while the crashes come.
    static let settings = ["VOLUME_SIZE": "32M", "GARBAGE_GRACE": "0", "MIN_FREE_SPACE": "64M"]

    @Test(.timeLimit(.minutes(10))) func nothingAcknowledgedIsLostWhenTheServerIsKilledUnderLoad() async throws {
      var random = SeededRandom(for: "crash test")
      let load = CrashLoad(writers: 6, seed: random.seed)
      let server = try await CairnProcess(.server, Self.settings)
      var rebuilds = 0
      for round in 1...Self.rounds {
        let time = Int.random(in: 20...600, using: &random)
        try await load.work(port: server.port) {
          try await Task.sleep(for: .milliseconds(time))
          try await server.kill()
        }
        // Sometimes the catalog is lost as well, sometimes a write was torn.
        let isCatalogLost = Int.random(in: 0..<5, using: &random) == 0
        if isCatalogLost {
          try deleteCatalog(of: server)
          rebuilds += 1
        }
        if Int.random(in: 0..<4, using: &random) == 0 { try tearTails(of: server, &random) }
        try await server.restart()
        try await load.verify(port: server.port, all: isCatalogLost || round % 10 == 0 || round == Self.rounds)
        try #require(
          load.problems.isEmpty,
          "round \(round), seed \(random.seed), catalog \(isCatalogLost ? "lost" : "kept"):\n\(load.problems.joined(separator: "\n"))"
        )
      }
      #expect(try await Set(server.curl().names()) == load.present)
      try expectFewEntriesPerDirectory(server.storagePath)
      try await server.stopInOrder()
      print(
        "crash test: \(load.acknowledgedCount) writes acknowledged, \(load.unansweredCount) not, \(rebuilds) rebuilds")
      #expect(load.acknowledgedCount > Self.rounds * 10)
      #expect(load.unansweredCount > 0)
      try await server.restart()
      try await load.verify(port: server.port, all: true)
      #expect(load.problems == [])
    }

    @Test func aLostCatalogComesBackFromTheVolumes() async throws {
      let random = SeededRandom(for: "catalog test")
      let load = CrashLoad(writers: 4, seed: random.seed)
      let server = try await CairnProcess(.server, Self.settings)
      try await load.work(port: server.port) {
        try await Task.sleep(for: .seconds(2))
        try await server.kill()
      }
      try deleteCatalog(of: server)
      try await server.restart()
      try await load.verify(port: server.port, all: true)
      #expect(load.problems == [])
      #expect(try await Set(server.curl().names()) == load.present)
      #expect(load.present.count > 10)
    }

    @Test func aDamagedCatalogIsToldAndComesBackWhenItIsDeleted() async throws {
      let server = try await CairnProcess(.server, Self.settings)
      for number in 0..<50 { #expect(try await server.curl().put("name \(number)", "\(number)").status == 201) }
      try await server.kill()
      try deleteCatalog(of: server)
      try Data(RandomBytes.slice(count: 100_000)).write(
        to: URL(fileURLWithPath: server.storagePath + "/catalog.sqlite"))
      let error = await #expect(throws: CairnProcess.StartError.self) { try await server.restart() }
      #expect(error?.exitCode == 1)
      #expect(error?.output.contains("catalog.sqlite") == true, "\(error?.output ?? "")")
      try deleteCatalog(of: server)
      try await server.restart()
      let curl = try server.curl()
      for number in 0..<50 { #expect(try await curl("/blob/name%20\(number)").text == "\(number)") }
    }

    @Test func deletedNamesStayDeletedWhenTheCatalogIsLostAgainAndAgain() async throws {
      let server = try await CairnProcess(.server, Self.settings)
      for number in 0..<30 { #expect(try await server.curl().put("name \(number)", "\(number)").status == 201) }
      for number in 0..<30 where number % 2 == 0 {
        #expect(try await server.curl()("/blob/name%20\(number)", "-X", "DELETE").status == 204)
      }
      let left = (0..<30).filter { $0 % 2 == 1 }.map { "name \($0)" }.sorted()
      for _ in 0..<3 {
        try await server.kill()
        try deleteCatalog(of: server)
        try await server.restart()
        #expect(try await server.curl().names() == left)
      }
    }

    private func deleteCatalog(of server: CairnProcess) throws {
      for suffix in ["", "-wal", "-shm"] {
        let path = server.storagePath + "/catalog.sqlite" + suffix
        if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
      }
    }

    /// Puts the beginning of a record, or noise, behind the end of each log, as an interrupted write would.
    private func tearTails(of server: CairnProcess, _ random: inout SeededRandom) throws {
      let root = server.storagePath + "/volumes"
      for path in FileManager.default.subpaths(atPath: root) ?? [] where path.hasSuffix(".log") {
        let log = try FileHandle(forUpdating: URL(fileURLWithPath: "\(root)/\(path)"))
        defer { try? log.close() }
        try log.seek(toOffset: 64)
        // Nothing writes behind the end of a sealed log any more.
        guard try log.read(upToCount: 4) == Data(count: 4) else { continue }
        try log.seek(toOffset: 128)
        let beginning = Bool.random(using: &random) ? try log.read(upToCount: 200) ?? Data() : Data()
        try log.seekToEnd()
        try log.write(
          contentsOf: beginning
            + Data(
              RandomBytes.slice(
                from: Int.random(in: 0..<1000, using: &random), count: Int.random(in: 1..<3000, using: &random))))
      }
    }
  }
}

/// At most 36 entries in any directory (DESIGN, "Storage on a node").
func expectFewEntriesPerDirectory(_ root: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
  var directories = [root]
  while let directory = directories.popLast() {
    let entries = try FileManager.default.contentsOfDirectory(atPath: directory)
    #expect(entries.count <= 36, "\(directory)", sourceLocation: sourceLocation)
    for entry in entries {
      var isDirectory: ObjCBool = false
      let path = directory + "/" + entry
      if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue {
        directories.append(path)
      }
    }
  }
}
