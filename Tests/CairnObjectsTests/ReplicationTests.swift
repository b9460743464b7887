import CairnCatalog
import CairnModel
import CairnStorage
import CairnTestSupport
import NIOCore
import Testing

@testable import CairnCluster
@testable import CairnNodeClient
@testable import CairnObjects

/// Several copies of each record, with real storage nodes that fail as they are told.
@Suite struct ReplicationTests {
  @Test func everyReplicaHasEveryRecord() async throws {
    try await ObjectFixture.with(nodes: 4, replicas: 3) { fixture in
      for (index, size) in [0, 1, 999, 1000, 1001, 7500].enumerated() {
        let bytes = Array(RandomBytes.slice(count: size))
        let result = try await fixture.put("file \(index)", bytes)
        #expect(!result.isDegraded)
        #expect(Set(result.nodes).count == 3)
        for location in await fixture.objects.blobs(of: result.object, named: result.name) {
          let holders = fixture.nodes.filter { (try? $0.store.readBlocking(location)) != nil }
          #expect(holders.count == 3, "blob \(location.blob) of file \(index)")
        }
        #expect(try await fixture.get("file \(index)") == bytes)
      }
    }
  }

  @Test func anUploadMayAskForMoreOrFewerCopies() async throws {
    try await ObjectFixture.with(nodes: 4, replicas: 2) { fixture in
      for count in [1, 4, 2, 16] {
        let result = try await fixture.put("file", Array(RandomBytes.slice(count: 2500)), replicas: count)
        #expect(result.nodes.count == min(count, 4))
        for location in await fixture.objects.blobs(of: result.object, named: result.name) {
          #expect(fixture.nodes.count { (try? $0.store.readBlocking(location)) != nil } == min(count, 4))
        }
      }
    }
  }

  /// The failed volume is sealed, the write goes to the others, and what the failed try left behind is told to be
  /// garbage, so that a rebuilt catalog can't take it for the object.
  @Test func aReplicaThatFailsIsReplacedWithoutTheClientNoticing() async throws {
    try await ObjectFixture.with(nodes: 4, replicas: 3) { fixture in
      let before = try await fixture.put("before", Array(RandomBytes.slice(count: 100)))
      let failing = try #require(fixture.nodes.first { before.nodes.contains($0.id) })
      let appends = failing.appends
      failing.fault = .unreachable
      // Which of the open volumes a record goes to is left to chance: until the one with the failing node was tried.
      for attempt in 0..<200 where attempt == 0 || failing.appends == appends {
        let after = try await fixture.put("after", Array(RandomBytes.slice(count: 2500)))
        #expect(!after.isDegraded)
        #expect(!after.nodes.contains(failing.id))
        #expect(Set(after.nodes).count == 3)
      }
      let volume = try await fixture.catalog.volume(before.object.head.volume)
      #expect(volume?.state == .sealed)
      #expect(try await fixture.get("before")?.count == 100)
    }
  }

  @Test func tooFewNodesAreAnErrorUnlessTheOperatorAllowsIt() async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 3, minimum: 3) { fixture in
      fixture.nodes[0].fault = .unreachable
      fixture.view.suspect(fixture.nodes[0].id, because: "test")
      let error = await #expect(throws: ObjectError.self) {
        try await fixture.put("file", Array(RandomBytes.slice(count: 10)))
      }
      guard case .tooFewNodes(writable: 2, needed: 3) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
    }
    try await ObjectFixture.with(nodes: 3, replicas: 3) { fixture in
      fixture.nodes[0].fault = .unreachable
      let result = try await fixture.put("file", Array(RandomBytes.slice(count: 2500)))
      #expect(result.isDegraded)
      #expect(result.nodes.count == 2)
      let status = try await fixture.objects.replication(of: result.object, named: result.name)
      #expect(status.missingReplicas == 1)
      #expect(!status.isComplete)
      #expect(fixture.objects.allocator.takeVolumesToCopy().isEmpty)
      // When the node is back, writes get all their replicas again, and what was written meanwhile is copied.
      fixture.nodes[0].fault = .none
      try await fixture.beat()
      await fixture.objects.allocator.sealDueVolumes(isLast: true)
      #expect(fixture.objects.allocator.takeVolumesToCopy().map(\.id).contains(result.object.head.volume))
      #expect(try await !fixture.put("file", Array(RandomBytes.slice(count: 10))).isDegraded)
    }
  }

  /// A majority, unless the operator says otherwise.
  @Test func theSmallestNumberOfCopiesFollowsFromTheFactor() {
    for (factor, minimum) in [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (16, 9)] {
      #expect(ReplicationPolicy(factor: factor).minimum == minimum)
    }
    let policy = ReplicationPolicy(factor: 3)
    #expect(policy.goal(asked: nil, nodeCount: 3) == .init(wanted: 3, minimum: 2))
    #expect(policy.goal(asked: nil, nodeCount: 1) == .init(wanted: 1, minimum: 1))
    #expect(policy.goal(asked: 5, nodeCount: 9) == .init(wanted: 5, minimum: 3))
    #expect(policy.goal(asked: 1, nodeCount: 3) == .init(wanted: 1, minimum: 1))
    #expect(ReplicationPolicy(factor: 3, minimum: 3).goal(asked: 4, nodeCount: 9) == .init(wanted: 4, minimum: 4))
    #expect(ReplicationPolicy(factor: 3, minimum: 1).goal(asked: 4, nodeCount: 9) == .init(wanted: 4, minimum: 1))
  }

  /// What is not on as many nodes as the operator wants is not complete, whether there are as many or not.
  @Test func aClusterThatIsSmallerThanTheFactorIsDegraded() async throws {
    try await ObjectFixture.with(nodes: 2, replicas: 3) { fixture in
      let result = try await fixture.put("file", Array(RandomBytes.slice(count: 2500)))
      #expect(result.isDegraded && result.nodes.count == 2)
      #expect(try await fixture.objects.replication(of: result.object, named: result.name).missingReplicas == 1)
    }
  }

  /// As after Redis was emptied: that one node has registered so far doesn't make one copy enough.
  @Test func nodesThatWereKnownCountUntilTheyRegisterAgain() async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 3, minimum: 2) { fixture in
      for node in fixture.nodes[..<2] { try await fixture.catalog.forget(node.id) }
      try await fixture.view.refresh()
      let error = await #expect(throws: ObjectError.self) { try await fixture.put("file", [1]) }
      guard case .tooFewNodes(writable: 1, needed: 2) = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      try await fixture.beat(fixture.nodes[0])
      let result = try await fixture.put("file", [1])
      #expect(result.nodes.count == 2 && result.isDegraded)
      try await fixture.beat()
      #expect(try await !fixture.put("file", [1]).isDegraded)
    }
  }

  @Test(arguments: 1...2) func readsSurviveTheLossOfAllButOneReplica(lost: Int) async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 3) { fixture in
      let bytes = Array(RandomBytes.slice(count: 5500))
      _ = try await fixture.put("file", bytes)
      for (index, fault) in [FaultyNode.Fault.unreachable, .corrupt].prefix(lost).enumerated() {
        fixture.nodes[index].fault = fault
      }
      for _ in 1...20 { #expect(try await fixture.get("file") == bytes) }
    }
  }

  /// One node is away, and the other was started again at another address a moment ago.
  @Test func aNodeIsAskedAgainWhereItWasRestartedMeanwhile() async throws {
    try await ObjectFixture.with(nodes: 2, replicas: 2) { fixture in
      _ = try await fixture.put("file", [1])
      fixture.nodes[0].fault = .unreachable
      fixture.nodes[1].fault = .missesReads(count: 1)
      await #expect(throws: ObjectError.self) { try await fixture.get("file") }
      fixture.nodes[1].fault = .missesReads(count: 1)
      try await fixture.register(fixture.nodes[1], incarnation: 2)
      #expect(try await fixture.get("file") == [1])
    }
  }

  @Test func aReadGoesOnAtTheSameByteWhereItsReplicaBrokeOff() async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 3) { fixture in
      let bytes = Array(RandomBytes.slice(count: 5500))
      _ = try await fixture.put("file", bytes)
      for limit in [0, 1, 500, 999] {
        for (index, node) in fixture.nodes.enumerated() {
          node.fault = index < 2 ? .breaksOff(after: limit) : .none
        }
        try await fixture.beat()
        for range in [nil, 0..<5500, 700..<3300, 999..<1001, 5499..<5500] as [Range<UInt64>?] {
          let part = range.map { Array(bytes[Int($0.lowerBound)..<Int($0.upperBound)]) } ?? bytes
          #expect(try await fixture.get("file", range) == part, "\(limit) bytes, \(String(describing: range))")
        }
      }
    }
  }

  @Test func whenAllReplicasFailTheClientGetsAnErrorAndNoWrongByte() async throws {
    try await ObjectFixture.with(nodes: 2, replicas: 2) { fixture in
      let bytes = Array(RandomBytes.slice(count: 900))
      _ = try await fixture.put("file", bytes)
      for node in fixture.nodes { node.fault = .corrupt }
      let error = await #expect(throws: ObjectError.self) { try await fixture.get("file") }
      guard case .corrupt = error else {
        Issue.record("\(String(describing: error))")
        return
      }
      for node in fixture.nodes { node.fault = .breaksOff(after: 100) }
      await #expect(throws: (any Error).self) { try await fixture.get("file") }
    }
  }

  /// Puts the third node in the place of one of two that hold the file, as repair does, after its volume was looked up.
  private func replaceReplica(
    of result: PutResult, in fixture: ObjectFixture
  ) async throws -> (old: FaultyNode, new: FaultyNode) {
    let location = result.object.head
    let nodes = try #require(try await fixture.catalog.volume(location.volume)).nodes
    let old = try #require(fixture.nodes.first { $0.id == nodes[0] })
    let new = try #require(fixture.nodes.first { !nodes.contains($0.id) })
    try await new.createVolume(location.volume)
    try await new.append(try await old.record(location), to: location.volume)
    #expect(
      try await fixture.catalog.replaceNodes(of: location.volume, expecting: nodes, with: [new.id, nodes[1]]))
    return (old, new)
  }

  @Test func aReplicaThatWasReplacedIsNotReportedAsDamaged() async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 2) { fixture in
      let result = try await fixture.put("file", [1, 2, 3])
      #expect(try await fixture.get("file") == [1, 2, 3])
      let old = try await replaceReplica(of: result, in: fixture).old
      try await old.drop(result.object.head.volume)
      for _ in 1...20 { #expect(try await fixture.get("file") == [1, 2, 3]) }
      #expect(fixture.damaged.reported.isEmpty)
    }
  }

  @Test func aNewReplicaIsToldWhatIsGarbage() async throws {
    try await ObjectFixture.with(nodes: 3, replicas: 2) { fixture in
      let result = try await fixture.put("file", [1])
      // Each node has a volume that takes the tombstone.
      for index in 0..<20 { try await fixture.put("other \(index)", [1]) }
      let new = try await replaceReplica(of: result, in: fixture).new
      try await fixture.put("file", [2])
      try await fixture.flushGarbage()
      #expect(try await new.garbage(in: result.object.head.volume).contains(result.object.head.blob))
    }
  }

  @Test func aReplicaWithADamagedRecordIsReported() async throws {
    try await ObjectFixture.with(nodes: 2, replicas: 2) { fixture in
      let result = try await fixture.put("file", Array(RandomBytes.slice(count: 900)))
      fixture.nodes[0].fault = .corrupt
      for _ in 1...20 { _ = try await fixture.get("file") }
      #expect(
        fixture.damaged.reported == [DamagedReplica(location: result.object.head, node: fixture.nodes[0].id)])
    }
  }
}
