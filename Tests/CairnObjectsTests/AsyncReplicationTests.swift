import CairnCatalog
import CairnCluster
import CairnModel
import CairnStorage
import CairnTestSupport
import Testing

@testable import CairnObjects

/// Writes that are answered when the first replica has them.
@Suite struct AsyncReplicationTests {
  @Test func aWriteIsDurableOnOneNodeAndItsVolumeWantsMore() async throws {
    try await ObjectFixture.with(nodes: 4, replicas: 3, mode: .async) { fixture in
      for (size, asked) in [(100, nil), (2500, nil), (100, 2)] as [(Int, Int?)] {
        let bytes = Array(RandomBytes.slice(count: size))
        let result = try await fixture.put("file", bytes, replicas: asked)
        #expect(result.isDegraded, "the other replicas are still to be made")
        #expect(result.nodes.count == 1)
        for location in await fixture.objects.blobs(of: result.object, named: result.name) {
          #expect(fixture.nodes.count { (try? $0.store.readBlocking(location)) != nil } == 1)
          #expect(try await fixture.catalog.volume(location.volume)?.replicasWanted == asked ?? 3)
        }
        #expect(
          try await fixture.objects.replication(of: result.object, named: result.name).missingReplicas == (asked ?? 3)
            - 1)
        #expect(try await fixture.get("file") == bytes)
      }
      #expect(try await !fixture.put("one", [1], replicas: 1).isDegraded)
    }
  }

  @Test func oneNodeThatTakesDataIsEnough() async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 3, minimum: 2, mode: .async) { fixture in
      for node in fixture.nodes.dropLast() {
        node.fault = .unreachable
        fixture.view.suspect(node.id, because: "test")
      }
      let result = try await fixture.put("file", Array(RandomBytes.slice(count: 2500)))
      #expect(result.nodes == fixture.nodes.suffix(1).map(\.id))
    }
  }

  /// Each volume that got records is handed out once, sealed, so that a copy of it is whole.
  @Test func volumesWithRecordsAreSealedAndHandedOut() async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 2, mode: .async) { fixture in
      let allocator = fixture.objects.allocator
      var written: Set<VolumeID> = []
      for index in 0..<20 {
        let result = try await fixture.put("file \(index)", Array(RandomBytes.slice(count: 2500)))
        written.formUnion(await fixture.objects.blobs(of: result.object, named: result.name).map(\.volume))
      }
      #expect(allocator.takeVolumesToCopy().isEmpty, "they take records still")
      await allocator.sealDueVolumes(isLast: true)
      let handedOut = allocator.takeVolumesToCopy()
      #expect(Set(handedOut.map(\.id)) == written)
      #expect(allocator.takeVolumesToCopy().isEmpty)
      for id in written { #expect(try await fixture.catalog.volume(id)?.state == .sealed) }
      let first = try #require(handedOut.first)
      allocator.giveBack(first)
      #expect(allocator.takeVolumesToCopy().map(\.id) == [first.id])
      // Writes go on elsewhere.
      let next = try await fixture.put("next", [1])
      #expect(!written.contains(next.object.head.volume))
    }
  }

  /// A reader that knew the volume with one node finds the copy that was made meanwhile.
  @Test func aReadFindsTheCopyThatWasMadeMeanwhile() async throws {
    try await ObjectFixture.with(nodes: 2, replicas: 2, mode: .async) { fixture in
      let bytes = Array(RandomBytes.slice(count: 500))
      let result = try await fixture.put("file", bytes)
      let source = try #require(fixture.nodes.first { $0.id == result.nodes.first })
      let target = try #require(fixture.nodes.first { $0.id != source.id })
      let volume = result.object.head.volume
      try await target.createVolume(volume)
      try await target.append(try await source.record(result.object.head), to: volume)
      #expect(
        try await fixture.catalog.replaceNodes(of: volume, expecting: [source.id], with: [source.id, target.id]))
      source.fault = .unreachable
      #expect(try await fixture.get("file") == bytes)
    }
  }

  /// No node has an open volume after they were sealed: garbage is reported all the same.
  @Test func garbageIsReportedToNodesWithoutAnOpenVolume() async throws {
    try await ObjectFixture.with(nodes: 2, replicas: 2, mode: .async) { fixture in
      let old = try await fixture.put("file", [1])
      await fixture.objects.allocator.sealDueVolumes(isLast: true)
      let holder = try #require(old.nodes.first)
      let volume = try #require(await fixture.objects.allocator.openVolume(on: holder))
      #expect(volume.nodes == [holder])
      #expect(volume.id != old.object.head.volume)
      // But a node that is to be emptied gets nothing new.
      await fixture.objects.allocator.seal(volume)
      try await fixture.catalog.setDraining(holder, true)
      try await fixture.view.refresh()
      #expect(await fixture.objects.allocator.openVolume(on: holder) == nil)
    }
  }
}
