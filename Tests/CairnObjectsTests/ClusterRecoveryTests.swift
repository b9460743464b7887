import CairnCatalog
import CairnModel
import CairnNodeClient
import CairnObjects
import CairnStorage
import CairnTestSupport
import Logging
import NIOPosix
import Synchronization
import Testing

/// A catalog that is rebuilt from the disks of several nodes, or compared with them.
@Suite struct ClusterRecoveryTests {
  enum Store: String, CaseIterable {
    case sqlite
    case redis
  }

  /// An empty catalog of its own.
  private func withEmpty(
    _ store: Store, _ fixture: ObjectFixture, _ body: (any Catalog) async throws -> Void
  ) async throws {
    switch store {
    case .sqlite:
      let catalog = try await ObjectFixture.openCatalog(fixture.folder.path + "/rebuilt-\(VolumeID.make()).sqlite")
      try await body(catalog)
      await catalog.close()
    case .redis:
      let redis = try await RedisServer.shared()
      var configuration = RedisConfiguration(address: .host("127.0.0.1", port: redis.port))
      configuration.keyPrefix = "recovery-\(VolumeID.make())"
      let catalog = try RedisCatalog(
        configuration: configuration, eventLoopGroup: MultiThreadedEventLoopGroup.singleton,
        logger: ObjectFixture.logger)
      try await body(catalog)
      await catalog.close()
    }
  }

  private func sources(_ fixture: ObjectFixture) -> [LocalNode] { fixture.nodes.map { LocalNode($0.store) } }

  @discardableResult
  private func recover(
    _ fixture: ObjectFixture, into catalog: any Catalog, sources: [any ReplicaSurvey.Source]? = nil,
    factor: Int = 2, _ change: (inout ClusterRecovery.Settings) -> Void = { _ in }
  ) async throws -> RecoveryOutcome {
    var settings = ClusterRecovery.Settings()
    settings.replicationFactor = factor
    change(&settings)
    return try await ClusterRecovery(
      sources: sources ?? self.sources(fixture), catalog: catalog, settings: settings, ids: BlobIDGenerator(),
      logger: ObjectFixture.logger
    ).run()
  }

  private func everything(_ catalog: any ObjectCatalog) async throws -> [ListPage.Entry] {
    try await catalog.list(.default, ListQuery(limit: 1000)).entries
  }

  /// Overwrites, deletions, refused writes and large objects, over several volumes.
  private func fill(_ fixture: ObjectFixture) async throws {
    for index in 0..<30 { try await fixture.put("k\(index % 20)", ObjectFixture.bytes(index * 150)) }
    await sealAll(fixture)
    for index in 0..<5 { _ = try await fixture.objects.delete(ObjectName(key: ObjectKey("k\(index)"))) }
    try await fixture.put("k3", [1, 2, 3])
    await #expect(throws: ObjectError.self) { try await fixture.put("k9", [2], onConflict: .reject) }
    try await fixture.put("k4", [4], onConflict: .reject)
    try await fixture.put("k10", ObjectFixture.bytes(4000))
  }

  private func sealAll(_ fixture: ObjectFixture) async {
    for volume in (try? await fixture.catalog.openVolumes()) ?? [] {
      for node in fixture.nodes where volume.nodes.contains(node.id) { try? await node.store.seal(volume.id) }
    }
  }

  @Test(arguments: Store.allCases) func emptyCatalogIsRebuiltFromAllNodes(_ store: Store) async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 2) { fixture in
      try await fill(fixture)
      try await withEmpty(store, fixture) { catalog in
        let first = try await recover(fixture, into: catalog)
        let found = try await everything(catalog)
        #expect(try await found == everything(fixture.catalog))
        #expect(first.restored >= found.count)
        let volumes = try await catalog.allVolumes()
        let expected = try await fixture.catalog.allVolumes()
        #expect(volumes.mapValues { Set($0.nodes) } == expected.mapValues { Set($0.nodes) })
        #expect(volumes.values.allSatisfy { $0.replicasWanted == 2 })
        #expect(first.volumesAdded == volumes.count)
        #expect(first.differences.isEmpty && first.unreadable.isEmpty)
        // Again: nothing is left to do.
        let second = try await recover(fixture, into: catalog)
        #expect(second.restored == 0 && second.volumesAdded == 0 && second.removed == 0)
        #expect(try await found == everything(catalog))
      }
    }
  }

  @Test func whatACatalogMissedIsMadeGood() async throws {
    try await ObjectFixture.with(nodes: 2, replicas: 2) { fixture in
      try await fixture.put("kept", [1])
      try await fixture.put("overwritten", [1])
      try await fixture.put("deleted", [1])
      try await withEmpty(.sqlite, fixture) { older in
        try await recover(fixture, into: older)
        try await fixture.put("overwritten", [2])
        try await fixture.put("new", [3])
        #expect(try await fixture.objects.delete(ObjectName(key: ObjectKey("deleted"))))
        let outcome = try await recover(fixture, into: older)
        #expect(outcome.restored == 2 && outcome.removed == 1)
        #expect(try await everything(older) == everything(fixture.catalog))
      }
    }
  }

  /// The copy of a sealed volume is open on its target, and lacks records.
  @Test func anUnfinishedCopyIsNotTakenForAReplica() async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 2) { fixture in
      try await fixture.put("a", [1])
      let object = try #require(try await fixture.objects.object(ObjectName(key: ObjectKey("a"))))
      let volume = try #require(try await fixture.catalog.volume(object.head.volume))
      await sealAll(fixture)
      let target = try #require(fixture.nodes.first { !volume.nodes.contains($0.id) })
      try await target.createVolume(volume.id)
      try await withEmpty(.sqlite, fixture) { catalog in
        // Asked first, the copy must not be what is read either.
        let order = [LocalNode(target.store)] + fixture.nodes.filter { $0.id != target.id }.map { LocalNode($0.store) }
        try await recover(fixture, into: catalog, sources: order)
        let found = try #require(try await catalog.volume(volume.id))
        #expect(Set(found.nodes) == Set(volume.nodes))
        #expect(found.state == .sealed)
        #expect(try await everything(catalog).map(\.key.text) == ["a"])
      }
    }
  }

  /// A write that was replayed elsewhere left its record where it was tried first; a tombstone says that it is garbage.
  @Test func abandonedRecordsDoNotCount() async throws {
    try await ObjectFixture.with(nodes: 1) { fixture in
      let store = fixture.nodes[0].store
      let (first, second) = (VolumeID.make(), VolumeID.make())
      let ids = BlobIDGenerator()
      let version = ids.next()
      let node = LocalNode(store)
      let record = try TestRecords.head("k", version)
      for volume in [first, second] {
        try await node.createVolume(volume)
        try await node.append(record, to: volume)
      }
      let garbage = Tombstone(garbage: [BlobLocation(volume: first, blob: version)])
      try await node.append(try TestRecords.tombstone(garbage, ids.next()), to: second)
      try await withEmpty(.sqlite, fixture) { catalog in
        try await recover(fixture, into: catalog, factor: 1)
        let object = try #require(try await catalog.object(ObjectName(key: ObjectKey("k"))))
        #expect(object.head == BlobLocation(volume: second, blob: version))
      }
    }
  }

  @Test func anotherReplicaIsReadWhereOneBreaksOff() async throws {
    try await ObjectFixture.with(nodes: 2, replicas: 2) { fixture in
      for index in 0..<10 { try await fixture.put("k\(index)", [UInt8(index)]) }
      try await withEmpty(.sqlite, fixture) { catalog in
        // Whichever is asked first fails.
        let failures = Mutex(0)
        let sources = sources(fixture).map { node in
          BreakingSource(node) {
            failures.withLock { count in
              count += 1
              return count == 1
            }
          }
        }
        let outcome = try await recover(fixture, into: catalog, sources: sources)
        #expect(outcome.unreadable.isEmpty)
        #expect(try await everything(catalog) == everything(fixture.catalog))
      }
    }
  }

  @Test func nodesThatAreAwayAreToldAndMemoryFillsTheirPlace() async throws {
    try await ObjectFixture.with(nodes: 2, replicas: 2) { fixture in
      try await fixture.put("a", [1])
      let volumes = try await Array(fixture.catalog.allVolumes().values)
      let away = fixture.nodes[1].id
      try await withEmpty(.sqlite, fixture) { catalog in
        let sources: [any ReplicaSurvey.Source] = [
          LocalNode(fixture.nodes[0].store), BreakingSource(LocalNode(fixture.nodes[1].store), isAway: true),
        ]
        let outcome = try await recover(fixture, into: catalog, sources: sources) {
          $0.remembered = volumes
          $0.isPartial = true
        }
        #expect(Array(outcome.unreachable.keys) == [away])
        let found = try await Array(catalog.allVolumes().values)
        #expect(found.map { Set($0.nodes) } == volumes.map { Set($0.nodes) })
        #expect(found.allSatisfy { $0.state == .sealed })
        #expect(try await everything(catalog) == everything(fixture.catalog))
      }
    }
  }

  @Test func listsThatDifferAreReportedAndLeftAlone() async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 2) { fixture in
      try await fixture.put("a", [1])
      let volume = try #require(try await fixture.catalog.openVolumes().first)
      let other = try #require(fixture.nodes.first { !volume.nodes.contains($0.id) }).id
      let wrong = [volume.nodes[0], other]
      #expect(try await fixture.catalog.replaceNodes(of: volume.id, expecting: volume.nodes, with: wrong))
      let outcome = try await recover(fixture, into: fixture.catalog)
      #expect(
        Set(outcome.differences) == [.missingOnNode(volume.id, other), .notListed(volume.id, volume.nodes[1])])
      #expect(try await fixture.catalog.volume(volume.id)?.nodes == wrong)
    }
  }
}
