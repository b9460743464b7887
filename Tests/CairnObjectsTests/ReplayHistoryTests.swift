import CairnCatalog
import CairnModel
import CairnNodeClient
import CairnObjects
import CairnStorage
import CairnTestSupport
import Testing

/// Histories of one server that loses its power: whatever of the catalog was lost, a replay makes it what clients were
/// told.
@Suite struct ReplayHistoryTests {
  /// The catalog as it was at some time, with the marks that were true then.
  private struct Snapshot {
    var objects: [ObjectName: StoredObject] = [:]
    var marks: [VolumeID: UInt64] = [:]
  }

  private func snapshot(of fixture: ObjectFixture) async throws -> Snapshot {
    // The marks come first: a catalog may be ahead of them, never behind.
    var snapshot = Snapshot()
    snapshot.marks = try await LocalNode(fixture.nodes[0].store).ends()
    for entry in try await fixture.catalog.list(.default, ListQuery(limit: 1000)).entries {
      snapshot.objects[ObjectName(key: entry.key)] = entry.object
    }
    return snapshot
  }

  /// Replays the records into a catalog that has what `snapshot` has.
  private func replayed(_ fixture: ObjectFixture, onto snapshot: Snapshot) async throws -> [ListPage.Entry] {
    let path = fixture.folder.path + "/replayed-\(VolumeID.make()).sqlite"
    let catalog = try await ObjectFixture.openCatalog(path)
    let node = fixture.nodes[0]
    for volume in snapshot.marks.keys { try await catalog.add(Volume(id: volume, nodes: [node.id])) }
    for (name, object) in snapshot.objects { _ = try await catalog.put(object, as: name, if: .always) }
    try await catalog.setReplayMarks(snapshot.marks)
    try await CatalogReplay(
      log: LocalNode(node.store), catalog: catalog, node: node.id, ids: BlobIDGenerator(), logger: ObjectFixture.logger
    ).run()
    let entries = try await catalog.list(.default, ListQuery(limit: 1000)).entries
    await catalog.close()
    return entries
  }

  @Test func conditionalPutAfterADeletionOutlivesACatalogThatIsBehind() async throws {
    try await ObjectFixture.with { fixture in
      try await fixture.put("k", [1])
      let behind = try await snapshot(of: fixture)
      #expect(try await fixture.objects.delete(ObjectName(key: ObjectKey("k"))))
      try await fixture.put("k", [2], onConflict: .reject)
      let entries = try await replayed(fixture, onto: behind)
      #expect(try await entries == fixture.catalog.list(.default, ListQuery(limit: 1000)).entries)
      #expect(entries.count == 1)
    }
  }

  /// Puts, conditional puts, deletes and overwrites of a few names; the power goes at the end, and takes with it what
  /// the catalog learned since any earlier step, and what was still to be told to the disks about garbage.
  @Test func everyHistoryIsReplayedOntoACatalogOfAnyAge() async throws {
    var random = SeededGenerator.forTest()
    for _ in 0..<6 {
      try await ObjectFixture.with { fixture in
        var snapshots = [Snapshot()]
        for step in 0..<80 {
          let key = "k\(Int.random(in: 0..<3, using: &random))"
          let name = ObjectName(key: try ObjectKey(key))
          let bytes = ObjectFixture.bytes(Int.random(in: 0..<1500, using: &random), seed: UInt8(step))
          let current = try await fixture.objects.object(name)?.head.blob
          switch Int.random(in: 0..<12, using: &random) {
          case 0..<2: try await fixture.put(key, bytes)
          case 2..<5: _ = try? await fixture.put(key, bytes, onConflict: .reject)
          case 5..<8: _ = try? await fixture.put(key, bytes, onConflict: .replace(current ?? fixture.ids.next()))
          case 8: try await fixture.flushGarbage()
          case 9:
            for volume in try await fixture.catalog.openVolumes() { try await fixture.nodes[0].store.seal(volume.id) }
          default: _ = try await fixture.objects.delete(name)
          }
          snapshots.append(try await snapshot(of: fixture))
        }
        let expected = try await fixture.catalog.list(.default, ListQuery(limit: 1000)).entries
        for (step, snapshot) in snapshots.enumerated() where step % 4 == 0 || step > 60 {
          #expect(try await replayed(fixture, onto: snapshot) == expected, "catalog of step \(step)")
        }
      }
    }
  }
}
