import CairnCatalog
import CairnModel
import CairnTestSupport
import Testing

/// What both catalogs promise of volumes that move between nodes.
@Suite struct VolumeContractTests {
  @Test(arguments: Implementation.allCases)
  func nodesAreReplacedOnlyWhereTheyAreAsExpected(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let (first, second, third) = (NodeID.make(), NodeID.make(), NodeID.make())
      let volume = Volume(id: VolumeID.make(), nodes: [first, second])
      #expect(try await catalog.replaceNodes(of: volume.id, expecting: [], with: [first]) == false)
      #expect(try await catalog.volume(volume.id) == nil)
      try await catalog.add(volume)
      for wrong: [NodeID] in [[], [first], [second, first], [first, second, third]] {
        #expect(try await catalog.replaceNodes(of: volume.id, expecting: wrong, with: [third]) == false)
      }
      #expect(try await catalog.volume(volume.id) == volume)
      #expect(try await catalog.replaceNodes(of: volume.id, expecting: volume.nodes, with: [first, third]))
      #expect(try await catalog.replaceNodes(of: volume.id, expecting: volume.nodes, with: [third]) == false)
      #expect(try await catalog.volume(volume.id)?.nodes == [first, third])
      #expect(try await catalog.openVolumes().map(\.nodes) == [[first, third]])
      // A sealed one stays sealed.
      try await catalog.seal(volume.id)
      #expect(try await catalog.replaceNodes(of: volume.id, expecting: [first, third], with: [third]))
      #expect(
        try await catalog.volume(volume.id)
          == Volume(id: volume.id, nodes: [third], replicasWanted: volume.replicasWanted, state: .sealed))
    }
  }

  @Test(arguments: Implementation.allCases)
  func ofManyThatReplaceTheSameNodesOneDoes(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let volume = Volume(id: VolumeID.make(), nodes: [.make()])
      try await catalog.add(volume)
      let winners = try await withThrowingTaskGroup(of: NodeID?.self) { group in
        for _ in 1...32 {
          group.addTask {
            let node = NodeID.make()
            return try await catalog.replaceNodes(of: volume.id, expecting: volume.nodes, with: [node]) ? node : nil
          }
        }
        return try await group.reduce(into: [NodeID]()) { winners, node in if let node { winners.append(node) } }
      }
      #expect(winners.count == 1)
      #expect(try await catalog.volume(volume.id)?.nodes == winners)
    }
  }

  @Test(arguments: Implementation.allCases, [Volume.State.open, .sealed])
  func aVolumeIsForgottenOnlyWhereItsNodesAreAsExpected(
    _ implementation: Implementation, _ state: Volume.State
  ) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let volume = Volume(id: VolumeID(rawValue: 7), nodes: [.make()], state: state)
      let other = Volume(id: VolumeID(rawValue: 8), nodes: volume.nodes, state: state)
      #expect(try await catalog.remove(volume.id, expecting: []) == false)
      try await catalog.add(volume)
      try await catalog.add(other)
      try await catalog.setReplayMarks([volume.id: 1, other.id: 2])
      #expect(try await catalog.remove(volume.id, expecting: []) == false)
      #expect(try await catalog.volume(volume.id) == volume)
      #expect(try await catalog.remove(volume.id, expecting: volume.nodes))
      #expect(try await catalog.remove(volume.id, expecting: volume.nodes) == false)
      #expect(try await catalog.volume(volume.id) == nil)
      #expect(try await catalog.openVolumes() == [other].filter { $0.state == .open })
      #expect(try await catalog.volumes(after: nil, limit: 10) == [other])
      #expect(try await catalog.replayMarks() == [other.id: 2])
    }
  }
}
