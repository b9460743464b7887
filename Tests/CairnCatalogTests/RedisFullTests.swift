import CairnCatalog
import CairnModel
import CairnTestSupport
import Testing

/// A Redis that has reached its `maxmemory` takes nothing new, and everything that makes room.
@Suite struct RedisFullTests {
  private func withFullRedis(
    prepare: (RedisCatalog) async throws -> Void = { _ in }, _ body: (RedisCatalog, RedisServer) async throws -> Void
  ) async throws {
    let server = try await RedisServer()
    try await withRedis(server) { catalog in
      try await prepare(catalog)
      try server.command("CONFIG", "SET", "maxmemory", "1")
      #expect(try server.command("SET", "x", "y").hasPrefix("-OOM"))
      try await body(catalog, server)
    }
  }

  private func expectFull(
    _ server: RedisServer, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
  ) async {
    let error = await #expect(throws: CatalogError.self, sourceLocation: sourceLocation) { try await body() }
    guard case .full(let reason) = error else {
      Issue.record("\(String(describing: error))", sourceLocation: sourceLocation)
      return
    }
    #expect(reason.contains("Redis at 127.0.0.1:\(server.port)") && reason.contains("maxmemory"))
  }

  @Test func whatIsPutIsRefusedAndChangesNothing() async throws {
    let name = try name("file")
    let upload = PendingUpload(
      id: version(9), name: name, attributes: makeObject(version(9)).attributes, replicas: nil)
    try await withFullRedis { catalog in
      _ = try await catalog.put(makeObject(version(1)), as: name, if: .always)
    } _: { (catalog: RedisCatalog, server: RedisServer) async throws in
      await expectFull(server) { _ = try await catalog.put(makeObject(version(2)), as: name, if: .always) }
      await expectFull(server) { try await catalog.add(upload, lifetime: .seconds(60)) }
      #expect(try await catalog.object(name) == makeObject(version(1)))
      #expect(try await catalog.object(version: version(2), in: .default) == nil)
      #expect(try await catalog.epoch(of: .default).position == 1)
    }
  }

  @Test func nodesGoOnLiving() async throws {
    let (old, new) = (NodeID.make(), NodeID.make())
    try await withFullRedis { catalog in
      _ = try await catalog.heartbeat(report(old), timeout: .seconds(90), takeOver: false)
    } _: { (catalog: RedisCatalog, _) async throws in
      for node in [old, new] {
        #expect(try await catalog.heartbeat(report(node), timeout: .seconds(90), takeOver: false) == .accepted)
      }
      #expect(try await catalog.nodes().count == 2)
      #expect(try await catalog.setDraining(old, true))
      try await catalog.leave(old, incarnation: 1)
      let left = try #require(try await catalog.nodes().first { $0.report.node == old })
      #expect(left.ageMilliseconds == CatalogLimits.departedAgeMilliseconds && left.isDraining)
      #expect(try await catalog.forget(old))
    }
  }

  @Test func whatDeletesIsTaken() async throws {
    let name = try name("file")
    let id = BlobID(high: 7, low: 7)
    let upload = PendingUpload(id: id, name: name, attributes: makeObject(id).attributes, replicas: nil)
    let (node, other) = (NodeID.make(), NodeID.make())
    try await withFullRedis { catalog in
      _ = try await catalog.put(makeObject(version(1)), as: name, if: .always)
      try await catalog.add(upload, lifetime: .seconds(60))
    } _: { (catalog: RedisCatalog, _) async throws in
      #expect(
        try await catalog.delete(name, version: version(1), tombstone: version(2)) == .deleted(makeObject(version(1))))
      #expect(try await catalog.list(.default, ListQuery(limit: 10)).entries.isEmpty)
      #expect(try await catalog.claim(id, lifetime: .seconds(60))?.id == id)
      try await catalog.release(id)
      _ = try await catalog.claim(id, lifetime: .seconds(60))
      try await catalog.forget(id)
      // A deletion stands in a volume.
      let volume = Volume(id: VolumeID(rawValue: 5), nodes: [node])
      try await catalog.add(volume)
      #expect(try await catalog.openVolumes() == [volume])
      #expect(try await catalog.replaceNodes(of: volume.id, expecting: [node], with: [other]))
      #expect(try await catalog.seal(volume.id))
      #expect(try await catalog.remove(volume.id, expecting: [other]))
    }
  }

  @Test func recoveriesAndRepairsKeepTheirBooks() async throws {
    try await withFullRedis { catalog, _ in
      let epoch = try await catalog.epoch(of: .default)
      let node = NodeID.make()
      try await catalog.setReconciled([node], process: "p", epoch: epoch)
      #expect(try await catalog.reconciledNodes()[node]?.process == "p")
      let work = RepairWork(key: "k", kind: "test", payload: [1])
      #expect(try await catalog.enqueue(work))
      let first = try #require(try await catalog.claim(worker: "w", limit: 1, lease: .seconds(60)).first)
      #expect(try await catalog.progress(first, done: 1, total: 2))
      #expect(try await catalog.renew(first, lease: .seconds(60)))
      #expect(try await catalog.fail(first, error: "no", retryAfter: .zero))
      let second = try #require(try await catalog.claim(worker: "w", limit: 1, lease: .seconds(60)).first)
      #expect(try await catalog.complete(second))
      #expect(try await catalog.count() == 0)
      #expect(try await catalog.compareIndices(.all).isEmpty)
    }
  }
}
