import CairnCatalog
import CairnModel
import CairnTestSupport
import Testing

/// What both catalogs promise about volumes, nodes and replay marks.
@Suite struct ClusterContractTests {
  @Test(arguments: Implementation.allCases)
  func volumesAreAddedOnceAndSealedOnce(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let volume = Volume(id: VolumeID.make(), nodes: [.make(), .make(), .make()])
      #expect(try await catalog.volume(volume.id) == nil)
      #expect(try await catalog.seal(volume.id) == false)
      try await catalog.add(volume)
      #expect(try await catalog.volume(volume.id) == volume)
      #expect(try await catalog.openVolumes() == [volume])
      // Adding another of the same id changes nothing, and a sealed volume never opens again.
      try await catalog.add(Volume(id: volume.id, nodes: [.make()]))
      #expect(try await catalog.volume(volume.id) == volume)
      #expect(try await catalog.seal(volume.id) == true)
      #expect(try await catalog.seal(volume.id) == false)
      try await catalog.add(volume)
      #expect(try await catalog.volume(volume.id)?.state == .sealed)
      #expect(try await catalog.openVolumes().isEmpty)
    }
  }

  @Test(arguments: Implementation.allCases)
  func aVolumeOfSealedStateIsNotOpen(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let volume = Volume(id: VolumeID(rawValue: 3), nodes: [.make()], state: .sealed)
      try await fixture.catalog.add(volume)
      #expect(try await fixture.catalog.volume(volume.id) == volume)
      #expect(try await fixture.catalog.openVolumes().isEmpty)
    }
  }

  @Test(arguments: Implementation.allCases)
  func ofManyWhoSealOneDoes(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let volume = Volume(id: VolumeID.make(), nodes: [.make()])
      try await catalog.add(volume)
      let sealed = try await withThrowingTaskGroup(of: Bool.self) { group in
        for _ in 1...32 { group.addTask { try await catalog.seal(volume.id) } }
        return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(sealed == 1)
    }
  }

  @Test(arguments: Implementation.allCases)
  func volumesComeInTheOrderOfTheirIDs(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      // Also ids whose upper bit is set, and whose bytes look like line ends or digits.
      let ids: [UInt64] = [0, 1, 0x0D0A, 0x3030, 1 << 32, 1 << 63, .max - 1, .max]
      let volumes = ids.map { Volume(id: VolumeID(rawValue: $0), nodes: [.make()]) }
      for volume in volumes.shuffled() { try await catalog.add(volume) }
      try await catalog.seal(VolumeID(rawValue: 1 << 32))
      var walked: [Volume] = []
      while true {
        let page = try await catalog.volumes(after: walked.last?.id, limit: 3)
        #expect(page.count <= 3)
        if page.isEmpty { break }
        walked += page
      }
      #expect(walked.map(\.id) == volumes.map(\.id))
      #expect(walked.filter { $0.state == .sealed }.map(\.id) == [VolumeID(rawValue: 1 << 32)])
      #expect(try await catalog.openVolumes().map(\.id) == volumes.map(\.id).filter { $0.rawValue != 1 << 32 })
      #expect(try await catalog.volumes(after: nil, limit: 0).isEmpty)
    }
  }

  @Test(arguments: Implementation.allCases)
  func nodesAreKnownByTheirLastReport(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      #expect(try await catalog.nodes().isEmpty)
      let nodes = [NodeID.make(), .make(), .make()]
      for node in nodes {
        #expect(try await catalog.heartbeat(report(node), timeout: .seconds(90), takeOver: false) == .accepted)
      }
      var moved = report(nodes[1])
      moved.address = "10.0.0.9"
      moved.zone = "zürich"
      moved.readOnly = true
      moved.available = Limits.nodeTotalMax
      #expect(try await catalog.heartbeat(moved, timeout: .seconds(90), takeOver: false) == .accepted)
      let known = try await catalog.nodes()
      #expect(known.map(\.report.node) == nodes.sorted())
      #expect(known.first { $0.report.node == nodes[1] }?.report == moved)
      for node in known { #expect(node.ageMilliseconds < 60_000) }
    }
  }

  @Test(arguments: Implementation.allCases)
  func aSecondNodeWithAnIDThatIsAliveIsRefused(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let node = NodeID.make()
      let first = report(node, incarnation: .max)
      let second = report(node, incarnation: 2)
      #expect(try await catalog.heartbeat(first, timeout: .seconds(90), takeOver: false) == .accepted)
      let refused = try await catalog.heartbeat(second, timeout: .seconds(90), takeOver: false)
      guard case .duplicate(let other) = refused else {
        Issue.record("a second incarnation was accepted")
        return
      }
      #expect(other.report == first)
      #expect(other.ageMilliseconds < 60_000)
      #expect(try await catalog.nodes().map(\.report) == [first])
      // The first goes on, the second takes over once the first is known to be dead, and then the first is refused.
      #expect(try await catalog.heartbeat(first, timeout: .seconds(90), takeOver: false) == .accepted)
      #expect(try await catalog.heartbeat(second, timeout: .seconds(90), takeOver: true) == .accepted)
      #expect(try await catalog.nodes().map(\.report) == [second])
      #expect(try await catalog.heartbeat(first, timeout: .seconds(90), takeOver: false) != .accepted)
    }
  }

  @Test(arguments: Implementation.allCases)
  func anIDThatIsSilentForLongIsFree(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let node = NodeID.make()
      _ = try await catalog.heartbeat(report(node, incarnation: 1), timeout: .seconds(90), takeOver: false)
      // No heartbeat is younger than no time at all.
      let outcome = try await catalog.heartbeat(report(node, incarnation: 2), timeout: .zero, takeOver: false)
      #expect(outcome == .accepted)
    }
  }

  @Test(arguments: Implementation.allCases)
  func aNodeThatLeftIsKnownAndNotAlive(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      let node = NodeID.make()
      try await catalog.leave(node, incarnation: 1)
      #expect(try await catalog.nodes().isEmpty)
      _ = try await catalog.heartbeat(report(node, incarnation: 1), timeout: .seconds(90), takeOver: false)
      // Another incarnation can't speak for this one.
      try await catalog.leave(node, incarnation: 9)
      #expect(try await catalog.nodes().first.map { $0.ageMilliseconds < 60_000 } == true)
      try await catalog.leave(node, incarnation: 1)
      let known = try #require(try await catalog.nodes().first)
      #expect(known.report == report(node, incarnation: 1))
      #expect(known.ageMilliseconds == CatalogLimits.departedAgeMilliseconds)
      // Its id is free at once.
      let outcome = try await catalog.heartbeat(report(node, incarnation: 2), timeout: .seconds(90), takeOver: false)
      #expect(outcome == .accepted)
      #expect(try await catalog.nodes().first.map { $0.ageMilliseconds < 60_000 } == true)
    }
  }

  @Test(arguments: Implementation.allCases)
  func replayMarksAreKept(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in
      let catalog = fixture.catalog
      #expect(try await catalog.replayMarks().isEmpty)
      try await catalog.setReplayMarks([:])
      let many = Dictionary(uniqueKeysWithValues: (UInt64(0)..<2500).map { (VolumeID(rawValue: $0 << 40), $0 * 7) })
      try await catalog.setReplayMarks(many)
      #expect(try await catalog.replayMarks() == many)
      try await catalog.setReplayMarks([VolumeID(rawValue: 0): .max, VolumeID(rawValue: 5): 12])
      let marks = try await catalog.replayMarks()
      #expect(marks.count == 2501)
      #expect(marks[VolumeID(rawValue: 0)] == .max)
      #expect(marks[VolumeID(rawValue: 5)] == 12)
    }
  }

  @Test(arguments: Implementation.allCases)
  func pingAnswers(_ implementation: Implementation) async throws {
    try await withCatalog(implementation) { fixture in try await fixture.catalog.ping() }
  }

  @Test(arguments: Implementation.allCases)
  func aClosedCatalogIsUnavailable(_ implementation: Implementation) async throws {
    let catalog = try await withCatalog(implementation) { $0.catalog }
    let name = try name("x")
    await #expect(throws: CatalogError.self) { try await catalog.ping() }
    await #expect(throws: CatalogError.self) { try await catalog.object(name) }
    await #expect(throws: CatalogError.self) { try await catalog.put(makeObject(version(1)), as: name, if: .always) }
    await #expect(throws: CatalogError.self) { try await catalog.setReplayMarks([:]) }
  }
}

func report(_ node: NodeID, incarnation: UInt64 = 1) -> NodeReport {
  NodeReport(
    node: node, incarnation: incarnation, address: "127.0.0.1", port: 8001, zone: "", storagePath: "/data",
    capacity: 1 << 40, available: 1 << 39, readOnly: false, blobCount: 12, volumeCount: 3, damagedCount: 4)
}
