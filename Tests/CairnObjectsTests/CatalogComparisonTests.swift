import CairnCatalog
import CairnModel
import CairnNodeClient
import CairnObjects
import CairnStorage
import CairnTestSupport
import Synchronization
import Testing

/// What `cairn recover --verify` finds: nothing where all is well, and each kind of difference.
@Suite struct CatalogComparisonTests {
  @discardableResult
  private func compare(
    _ fixture: ObjectFixture, _ catalog: (any ClusterRecovery.Target)? = nil
  ) async throws -> (CatalogComparison.Outcome, Set<CatalogDifference>) {
    let found = Mutex<[CatalogDifference]>([])
    let outcome = try await CatalogComparison(
      sources: fixture.nodes.map { LocalNode($0.store) }, catalog: catalog ?? fixture.catalog,
      logger: ObjectFixture.logger
    ).run { difference in found.withLock { $0.append(difference) } }
    let differences = found.withLock { $0 }
    #expect(outcome.differences == differences.count)
    #expect(Set(differences).count == differences.count, "each is told once")
    #expect(differences.allSatisfy { !$0.description.contains("\n") })
    return (outcome, Set(differences))
  }

  private func name(_ key: String) throws -> ObjectName { ObjectName(key: try ObjectKey(key)) }

  @Test func aCatalogThatIsRightHasNoDifferences() async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 2) { fixture in
      for index in 0..<30 { try await fixture.put("k\(index % 20)", ObjectFixture.bytes(index * 150)) }
      for index in 0..<5 { _ = try await fixture.objects.delete(name("k\(index)")) }
      await #expect(throws: ObjectError.self) { try await fixture.put("k9", [2], onConflict: .reject) }
      try await fixture.put("k3\nline", [1])
      let (outcome, differences) = try await compare(fixture)
      #expect(differences.isEmpty, "\(differences)")
      #expect(outcome.objects == 16)
    }
  }

  @Test func everythingThatALostCatalogLacksIsListed() async throws {
    try await ObjectFixture.with { fixture in
      try await fixture.put("a\nb", [1])
      try await fixture.put("b", [1])
      try await fixture.put("b", [2])
      let empty = try await ObjectFixture.openCatalog(fixture.folder.path + "/empty.sqlite")
      let volume = try #require(try await fixture.catalog.openVolumes().first)
      let (a, b) = (try #require(try await fixture.catalog.object(name("a\nb"))), try name("b"))
      let newest = try #require(try await fixture.catalog.object(b))
      let (_, differences) = try await compare(fixture, empty)
      #expect(
        differences == [
          .objectNotInCatalog(try name("a\nb"), disk: a.head), .objectNotInCatalog(b, disk: newest.head),
          .volumeNotInCatalog(volume.id, disk: volume.nodes),
        ])
      #expect(try await empty.volumes(after: nil, limit: 1).isEmpty, "nothing was changed")
      await empty.close()
    }
  }

  @Test func olderVersionsAreListed() async throws {
    try await ObjectFixture.with { fixture in
      let before = try await fixture.put("a", [1]).object
      let older = try await ObjectFixture.openCatalog(fixture.folder.path + "/older.sqlite")
      try await ClusterRecovery(
        sources: [LocalNode(fixture.nodes[0].store)], catalog: older, ids: BlobIDGenerator(),
        logger: ObjectFixture.logger
      ).run()
      let after = try await fixture.put("a", [2]).object
      let (_, differences) = try await compare(fixture, older)
      #expect(differences == [.olderInCatalog(try name("a"), catalog: before.head, disk: after.head)])
      await older.close()
    }
  }

  @Test func objectsWithoutARecordAreListed() async throws {
    try await ObjectFixture.with { fixture in
      let object = try await fixture.put("a", [1]).object
      var phantom = object
      phantom.head = BlobLocation(volume: object.head.volume, blob: fixture.ids.next())
      _ = try await fixture.catalog.put(phantom, as: name("phantom"), if: .always)
      let (outcome, differences) = try await compare(fixture)
      #expect(differences == [.objectNotOnDisk(try name("phantom"), catalog: phantom.head)])
      #expect(outcome.objects == 2)
    }
  }

  @Test func objectsThatADiskSaysAreDeletedAreListed() async throws {
    try await ObjectFixture.with { fixture in
      let object = try await fixture.put("a", [1]).object
      let tombstone = Tombstone(object: .init(name: try name("a"), upTo: object.head.blob))
      try await LocalNode(fixture.nodes[0].store).append(
        try TestRecords.tombstone(tombstone, fixture.ids.next()), to: object.head.volume)
      #expect(try await compare(fixture).1 == [.deletedOnDisk(try name("a"), catalog: object.head)])
    }
  }

  @Test func attributesThatDifferAreNamed() async throws {
    try await ObjectFixture.with { fixture in
      let object = try await fixture.put("a", [1]).object
      let other = try await ObjectFixture.openCatalog(fixture.folder.path + "/other.sqlite")
      var changed = object
      changed.attributes.size = 7
      changed.attributes.contentType = "x/y"
      _ = try await other.put(changed, as: name("a"), if: .always)
      for volume in try await fixture.catalog.allVolumes().values { try await other.add(volume) }
      #expect(
        try await compare(fixture, other).1 == [.attributes(try name("a"), object.head, ["size", "content type"])])
      await other.close()
    }
  }

  @Test func volumesAndReplicasThatDifferAreListed() async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 2) { fixture in
      try await fixture.put("a", [1])
      let volume = try #require(try await fixture.catalog.openVolumes().first)
      let other = try #require(fixture.nodes.first { !volume.nodes.contains($0.id) }).id
      let wrong = [volume.nodes[0], other]
      #expect(try await fixture.catalog.replaceNodes(of: volume.id, expecting: volume.nodes, with: wrong))
      for node in fixture.nodes where volume.nodes.contains(node.id) { try await node.store.seal(volume.id) }
      #expect(
        try await compare(fixture).1 == [
          .replica(.missingOnNode(volume.id, other)), .replica(.notListed(volume.id, volume.nodes[1])),
          .openInCatalog(volume.id),
        ])
    }
  }

  /// Writes that were refused, and those that a later one has overtaken, are no loss.
  @Test func conditionsAreJudged() async throws {
    try await ObjectFixture.with { fixture in
      let first = try await fixture.put("a", [1]).object
      let node = LocalNode(fixture.nodes[0].store)
      let refused = fixture.ids.next()
      try await node.append(try TestRecords.head("a", refused, condition: .absent), to: first.head.volume)
      #expect(try await compare(fixture).1.isEmpty)
      let lost = fixture.ids.next()
      try await node.append(
        try TestRecords.head("a", lost, condition: .version(first.head.blob)), to: first.head.volume)
      #expect(
        try await compare(fixture).1 == [
          .olderInCatalog(
            try name("a"), catalog: first.head, disk: BlobLocation(volume: first.head.volume, blob: lost))
        ])
    }
  }

  /// A node was restored from an older snapshot: read alone, the others are all right.
  @Test func replicasThatDifferFromEachOtherAreListed() async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 3) { fixture in
      let volume = try await fixture.put("a", [1]).object.head.volume
      #expect(try await compare(fixture).1.isEmpty)
      let lowest = try #require(fixture.nodes.min { $0.id < $1.id })
      let others = fixture.nodes.filter { $0.id != lowest.id }
      // A tombstone, so that the catalog lacks nothing.
      let deletion = Tombstone(object: .init(name: try name("b"), upTo: fixture.ids.next()))
      let tombstone = try TestRecords.tombstone(deletion, fixture.ids.next())
      for node in others { try await LocalNode(node.store).append(tombstone, to: volume) }
      #expect(try await compare(fixture).1 == [.replica(.recordsMissing(volume, lowest.id, count: 1))])
      for node in fixture.nodes { try await node.store.seal(volume) }
      try await fixture.catalog.seal(volume)
      #expect(try await compare(fixture).1 == [.replica(.recordsMissing(volume, lowest.id, count: 1))])
    }
  }

  /// A node that has compacted, or was told sooner, lacks what is garbage.
  @Test func garbageThatOneReplicaStillHasIsNoDifference() async throws {
    try await ObjectFixture.with(nodes: 2, replicas: 2) { fixture in
      let old = try await fixture.put("a", [1]).object.head
      try await fixture.put("a", [2])
      let tombstone = try TestRecords.tombstone(Tombstone(garbage: [old]), fixture.ids.next())
      let other = VolumeID.make()
      try await fixture.nodes[0].store.createVolume(other)
      try await LocalNode(fixture.nodes[0].store).append(tombstone, to: other)
      try await fixture.catalog.add(Volume(id: other, nodes: [fixture.nodes[0].id]))
      #expect(try await compare(fixture).1.isEmpty)
    }
  }
}
