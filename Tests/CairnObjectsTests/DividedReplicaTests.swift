import CairnCatalog
import CairnModel
import CairnNodeClient
import CairnStorage
import CairnTestSupport
import Testing

@testable import CairnObjects

/// Catalogs that are rebuilt from replicas which hold different records: after a power cut, or because one of them lost
/// something. The node with the lowest id is the one that differs: it would be asked first.
@Suite struct DividedReplicaTests {
  private func name(_ key: String) throws -> ObjectName { ObjectName(key: try ObjectKey(key)) }

  private func lowest(_ fixture: ObjectFixture) throws -> FaultyNode {
    try #require(fixture.nodes.min { $0.id < $1.id })
  }

  private func others(_ fixture: ObjectFixture) throws -> [FaultyNode] {
    let lowest = try lowest(fixture)
    return fixture.nodes.filter { $0.id != lowest.id }
  }

  private func openCatalog(_ fixture: ObjectFixture) async throws -> SQLiteCatalog {
    try await ObjectFixture.openCatalog(fixture.folder.path + "/rebuilt-\(VolumeID.make()).sqlite")
  }

  /// What a catalog has that was recovered.
  private struct Recovered {
    var outcome: RecoveryOutcome
    var heads: [String: BlobLocation] = [:]
    var volumes: [VolumeID: Volume]
  }

  /// Recovers into an empty catalog, or into one that knows something.
  private func recover(
    _ fixture: ObjectFixture, without away: FaultyNode? = nil, full: FaultyNode? = nil, since: Timestamp? = nil,
    into known: SQLiteCatalog? = nil
  ) async throws -> Recovered {
    var opened = known
    if opened == nil { opened = try await openCatalog(fixture) }
    let catalog = try #require(opened)
    var settings = ClusterRecovery.Settings()
    settings.since = since
    let outcome = try await ClusterRecovery(
      sources: fixture.nodes.filter { $0.id != away?.id }.map { node in
        BreakingSource(LocalNode(node.store), refusesCopies: node === full)
      },
      catalog: catalog,
      settings: settings, ids: BlobIDGenerator(), logger: ObjectFixture.logger
    ).run()
    var recovered = Recovered(outcome: outcome, volumes: try await catalog.allVolumes())
    for entry in try await catalog.list(.default, ListQuery(limit: 1000)).entries {
      recovered.heads[entry.key.text] = entry.object.head
    }
    await catalog.close()
    return recovered
  }

  private func holders(of location: BlobLocation, _ fixture: ObjectFixture) async throws -> Set<NodeID> {
    var holders: Set<NodeID> = []
    for node in fixture.nodes {
      let blobs = try await LocalNode(node.store).blobs(in: location.volume)
      if blobs.contains(where: { $0.blob == location.blob }) { holders.insert(node.id) }
    }
    return holders
  }

  /// The coordinator and two nodes lost their power before the record got there.
  private func putOnOneDisk(_ key: String, _ fixture: ObjectFixture, in volume: VolumeID) async throws -> BlobLocation {
    let version = fixture.ids.next()
    try await LocalNode(try lowest(fixture).store).append(try TestRecords.head(key, version), to: volume)
    return BlobLocation(volume: volume, blob: version)
  }

  /// The first one to answer made the list of the volume. The others are read, and found, when they are there.
  @Test(arguments: [true, false]) func replicasThatAreReadLaterAreListed(isFirstAway: Bool) async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 3) { fixture in
      let volume = try await fixture.put("k", [1]).object.head.volume
      let first = try lowest(fixture)
      let catalog = try await openCatalog(fixture)
      func recover(from nodes: [FaultyNode]) async throws -> Volume? {
        var settings = ClusterRecovery.Settings()
        settings.replicationFactor = 3
        settings.isPartial = nodes.count < 3
        try await ClusterRecovery(
          sources: nodes.map { LocalNode($0.store) }, catalog: catalog, settings: settings, ids: BlobIDGenerator(),
          logger: ObjectFixture.logger
        ).run()
        return try await catalog.volume(volume)
      }
      #expect(try await recover(from: [first])?.nodes == [first.id])
      let all = try await recover(from: isFirstAway ? others(fixture) : fixture.nodes)
      #expect(Set(all?.nodes ?? []) == Set(fixture.nodes.map(\.id)))
      await catalog.close()
    }
  }

  /// What is left over from a repair is no replica that counts, nor is one that holds something else.
  @Test func replicasThatDifferOrAreTooManyAreNotListed() async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 2) { fixture in
      let head = try await fixture.put("k", [1]).object.head
      let listed = try #require(try await fixture.catalog.volume(head.volume)).nodes
      let other = try #require(fixture.nodes.first { !listed.contains($0.id) })
      try await LocalNode(other.store).createVolume(head.volume)
      let record = try await fixture.nodes.first { $0.id == listed[0] }?.record(head)
      try await LocalNode(other.store).append(try #require(record), to: head.volume)
      let recovered = try await recover(fixture, into: fixture.catalog)
      #expect(recovered.volumes[head.volume]?.nodes == listed)
    }
  }

  /// It is in the log until that is rewritten, and the node doesn't give it out any more.
  @Test func garbageThatOneReplicaHasIsNoFailure() async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 3, garbageGrace: .zero) { fixture in
      let acknowledged = try await fixture.put("k", [1]).object.head
      let garbage = try await putOnOneDisk("k", fixture, in: acknowledged.volume)
      let tombstone = try TestRecords.tombstone(Tombstone(garbage: [garbage]), fixture.ids.next())
      for node in fixture.nodes { try await LocalNode(node.store).append(tombstone, to: garbage.volume) }
      let holder = try lowest(fixture)
      try await eventually("the record is garbage") {
        await holder.store.maintain()
        return (try? await LocalNode(holder.store).record(garbage)) == nil
      }
      // The ends of logs are read of all replicas; of whole ones, digests tell that this is no difference.
      let recovered = try await recover(fixture, since: Timestamp(clampingMillisecondsSinceEpoch: 1))
      #expect(recovered.outcome.unreadable.isEmpty)
      #expect(recovered.heads["k"] == acknowledged)
    }
  }

  @Test(arguments: [true, false]) func anOverwriteOnOneDiskIsCopiedBeforeItCounts(onlyRecent: Bool) async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 3) { fixture in
      let acknowledged = try await fixture.put("k", [1]).object
      let partial = try await putOnOneDisk("k", fixture, in: acknowledged.head.volume)
      let since = onlyRecent ? Timestamp(clampingMillisecondsSinceEpoch: 1) : nil
      let recovered = try await recover(fixture, since: since)
      #expect(recovered.heads["k"] == partial)
      #expect(try await holders(of: partial, fixture) == Set(fixture.nodes.map(\.id)))
      #expect(recovered.outcome.copied == 2 && recovered.outcome.unreadable.isEmpty)
      #expect(recovered.volumes[partial.volume]?.state == .sealed)
      for node in fixture.nodes { #expect(node.store.volume(partial.volume)?.state == .sealed) }
      // Whichever disk is lost then, the object is there.
      let later = try await recover(fixture, without: try lowest(fixture))
      #expect(later.heads["k"] == partial)
      #expect(later.outcome.copied == 0)
    }
  }

  /// A replica that can't take the copy.
  @Test func anOverwriteThatCanNotBeCopiedDoesNotCount() async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 3) { fixture in
      let acknowledged = try await fixture.put("k", [1]).object
      let partial = try await putOnOneDisk("k", fixture, in: acknowledged.head.volume)
      let full = try #require(try others(fixture).last)
      let recovered = try await recover(fixture, full: full)
      #expect(recovered.heads["k"] == acknowledged.head)
      #expect(recovered.outcome.unreadable[partial.volume] != nil)
      #expect(recovered.outcome.failedNodes == [full.id])
    }
  }

  /// The node with it was away while the name was deleted.
  @Test func aDeletedNameDoesNotReturnWithAnOverwriteOnOneDisk() async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 3) { fixture in
      let volume = try await fixture.put("k", [1]).object.head.volume
      let partial = try await putOnOneDisk("k", fixture, in: volume)
      #expect(try await fixture.objects.delete(name("k")))
      for _ in 0..<2 {
        #expect(try await recover(fixture).heads["k"] == nil)
        #expect(try await holders(of: partial, fixture).isEmpty, "that it is refused is durable")
      }
    }
  }

  /// The catalog has it, so it was acknowledged, and the deletion was refused.
  @Test func aVersionThatTheCatalogHasIsNotRefused() async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 3) { fixture in
      let first = try await fixture.put("k", [1]).object
      let partial = try await putOnOneDisk("k", fixture, in: first.head.volume)
      let tombstone = Tombstone(object: .init(name: try name("k"), upTo: first.head.blob))
      let record = try TestRecords.tombstone(tombstone, fixture.ids.next())
      for node in fixture.nodes { try await LocalNode(node.store).append(record, to: first.head.volume) }
      var object = first
      object.head = partial
      let catalog = try await openCatalog(fixture)
      _ = try await catalog.put(object, as: name("k"), if: .always)
      let recovered = try await recover(fixture, into: catalog)
      #expect(recovered.heads["k"] == partial)
      #expect(try await holders(of: partial, fixture).count == 3)
      #expect(recovered.outcome.refused == 0)
    }
  }

  @Test(arguments: [true, false]) func aTombstoneThatOneReplicaLacksCounts(isSealed: Bool) async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 3) { fixture in
      let object = try await fixture.put("k", [1]).object
      let volume = object.head.volume
      let tombstone = Tombstone(object: .init(name: try name("k"), upTo: object.head.blob))
      let id = fixture.ids.next()
      for node in try others(fixture) {
        try await LocalNode(node.store).append(try TestRecords.tombstone(tombstone, id), to: volume)
      }
      if isSealed { for node in fixture.nodes { try await node.store.seal(volume) } }
      #expect(try await recover(fixture).heads["k"] == nil)
      let deletion = BlobLocation(volume: volume, blob: id)
      #expect(try await holders(of: deletion, fixture).count == 3)
    }
  }

  @Test(arguments: [true, false]) func anOlderReplicaHidesNothing(isSealed: Bool) async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 3) { fixture in
      let volume = try await fixture.put("k0", [1]).object.head.volume
      for index in 1..<40 {
        let record = try TestRecords.head("k\(index)", fixture.ids.next())
        let nodes = index < 15 ? fixture.nodes : try others(fixture)
        for node in nodes { try await LocalNode(node.store).append(record, to: volume) }
      }
      if isSealed { for node in fixture.nodes { try await node.store.seal(volume) } }
      let recovered = try await recover(fixture)
      #expect(recovered.heads.count == 40)
      #expect(recovered.outcome.copied == 25)
      let replicas = try await fixture.nodes.asyncMap { try await $0.store.digest(of: volume) }
      #expect(Set(replicas).count == 1)
    }
  }

  /// A node was away when the others were sealed, or sealed itself with less than they have.
  @Test func anOpenReplicaBesideSealedOnesIsRead() async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 3) { fixture in
      let object = try await fixture.put("k", [1]).object
      let partial = try await putOnOneDisk("new", fixture, in: object.head.volume)
      for node in try others(fixture) { try await node.store.seal(partial.volume) }
      let catalog = try await openCatalog(fixture)
      try await catalog.add(Volume(id: partial.volume, nodes: fixture.nodes.map(\.id)))
      let recovered = try await recover(fixture, into: catalog)
      #expect(recovered.heads["new"] == partial)
      #expect(try await holders(of: partial, fixture).count == 3)
      #expect(try lowest(fixture).store.volume(partial.volume)?.state == .open, "it may be an unfinished copy")
    }
  }
}

extension Array {
  fileprivate func asyncMap<Value>(_ body: (Element) async throws -> Value) async rethrows -> [Value] {
    var values: [Value] = []
    for element in self { values.append(try await body(element)) }
    return values
  }
}
