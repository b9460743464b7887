import CairnCatalog
import CairnModel
import CairnTestSupport
import Foundation
import NIOPosix
import Testing

extension ServerSuite {
  /// The catalog is rebuildable (invariant 4): the volumes alone know every object.
  @Suite struct RecordTests {
    @Test func theVolumesKnowEveryObjectOfTheCatalog() async throws {
      let random = SeededRandom(for: "record test")
      let load = CrashLoad(writers: 4, seed: random.seed)
      let server = try await CairnProcess.server(["VOLUME_SIZE": "32M"])
      let over = Flag()
      let port = server.port
      try await withThrowingTaskGroup(of: Void.self) { group in
        for writer in load.writers {
          group.addTask { try await BlockingThreads.run { writer.work(port: port) { over.isSet } } }
        }
        try await Task.sleep(for: .seconds(2))
        over.set()
        try await group.waitForAll()
      }
      #expect(load.problems == [])
      try await server.stopInOrder()

      let records = try await StoredRecords.read([server.storagePath])
      let threads = NIOThreadPool(numberOfThreads: 2)
      threads.start()
      let catalog = try await SQLiteCatalog.open(
        path: server.storagePath + "/catalog.sqlite", threadPool: threads, logger: StoredRecords.quiet)
      let count = try await records.expectAll(of: catalog)
      await catalog.close()
      try await threads.shutdownGracefully()
      #expect(count == load.present.count)
      #expect(count > 10)
      #expect(!records.chunks.isEmpty && !records.deletions.isEmpty)
    }

    @Test func chunksOfAnUploadThatWasGivenUpAreMarkedAsGarbage() async throws {
      let server = try await CairnProcess.server()
      let connection = try await RawConnection.connect(port: server.port)
      try await connection.send(
        "PUT /blob/gone HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n"
          + String(repeating: "x", count: 40_000_000))
      try await eventually("some chunks are stored") {
        directorySize(server.storagePath) > 32 << 20
      }
      try await connection.close()
      // In order: what was given up is written down before the end.
      try await server.stopInOrder()
      let records = try await StoredRecords.read([server.storagePath])
      #expect(records.chunks.count >= 3)
      #expect(records.heads.values.allSatisfy { $0.record.name.bucket == .system })
      #expect(records.chunks.keys.allSatisfy { records.garbage.contains($0) })
    }

    private func directorySize(_ path: String) -> Int {
      (FileManager.default.subpaths(atPath: path) ?? []).reduce(0) { sum, file in
        sum + ((try? FileManager.default.attributesOfItem(atPath: "\(path)/\(file)")[.size] as? Int) ?? 0)
      }
    }
  }
}

extension ClusterSuite {
  @Suite struct RecordTests {
    @Test func theVolumesOfAllNodesKnowEveryObjectInRedis() async throws {
      let cluster = try await Cluster(coordinators: 2)
      let random = SeededRandom(for: "cluster record test")
      let load = CrashLoad(writers: 4, seed: random.seed)
      let over = Flag()
      let ports = cluster.coordinators.map(\.port)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for (number, writer) in load.writers.enumerated() {
          group.addTask { try await BlockingThreads.run { writer.work(port: ports[number % 2]) { over.isSet } } }
        }
        try await Task.sleep(for: .seconds(2))
        over.set()
        try await group.waitForAll()
      }
      #expect(load.problems == [])
      try await load.verify(port: ports[0], all: true)
      #expect(load.problems == [])
      for process in cluster.coordinators + cluster.nodes { try await process.stopInOrder() }

      let records = try await StoredRecords.read(cluster.nodes.map(\.storagePath))
      let catalog = try RedisCatalog(
        configuration: RedisConfiguration(address: .host("127.0.0.1", port: cluster.redis.port)),
        eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: StoredRecords.quiet)
      let count = try await records.expectAll(of: catalog)
      await catalog.close()
      #expect(count == load.present.count)
      #expect(count > 10)
    }
  }
}
