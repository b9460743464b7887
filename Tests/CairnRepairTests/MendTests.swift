import CairnCatalog
import CairnCluster
import CairnModel
import CairnRepair
import CairnStorage
import CairnTestSupport
import Foundation
import Testing

/// Replicas are made equal without any of them losing a record that it has.
@Suite struct MendTests {
  private func records(_ seeds: ClosedRange<Int>) throws -> [EncodedRecord] { try seeds.map(RepairFixture.record) }

  @Test func aReplicaThatLacksRecordsGetsThem() async throws {
    try await RepairFixture.with(nodes: 2) { fixture in
      let all = try records(1...20)
      let volume = try await fixture.addVolume([0: all, 1: Array(all[..<18])])
      try await eventually("the replica is whole") { await fixture.holds(1, all, in: volume) }
      #expect(await fixture.holds(0, all, in: volume))
    }
  }

  /// A replica that was not told would bring the record back to the others once they have dropped it.
  @Test func whatIsGarbageOnOneReplicaIsGarbageOnAll() async throws {
    try await RepairFixture.with(nodes: 3) { fixture in
      let all = try records(1...10)
      let volume = try await fixture.addVolume([0: all, 1: all, 2: all])
      let garbage = [all[3], all[7]].map(\.header.blob)
      try fixture.store(0).discard([garbage[0]], in: volume)
      try fixture.store(1).discard([garbage[1]], in: volume)
      for index in 0..<3 {
        try await eventually("node \(index) is told") { try await fixture.store(index).garbage(in: volume) == garbage }
      }
    }
  }

  /// A node is put on an empty disk, and keeps its id.
  @Test func aReplicaThatIsGoneIsMadeAgain() async throws {
    try await RepairFixture.with(nodes: 2) { fixture in
      let all = try records(1...20)
      let volume = try await fixture.addVolume([0: all, 1: all])
      try await fixture.store(1).dropVolume(volume)
      try await eventually("the replica is back") {
        fixture.store(1).volume(volume)?.state == .sealed
      }
      #expect(await fixture.holds(1, all, in: volume))
    }
  }

  /// Each has a record that the other one lacks: their counts are equal.
  @Test func replicasOfEqualCountAreComparedWhenANodeComesBack() async throws {
    try await RepairFixture.with(nodes: 3) { fixture in
      let all = try records(1...11)
      fixture.view.suspect(fixture.id(2), because: "told to")
      let volume = try await fixture.addVolume([0: Array(all[..<10]), 2: Array(all[1...])])
      try await fixture.waitForLooks()
      #expect(await !fixture.holds(0, all, in: volume))
      try await fixture.beat(2)
      for index in [0, 2] {
        try await eventually("node \(index) has all") { await fixture.holds(index, all, in: volume) }
      }
      let digests = try await [0, 2].asyncMap { try await fixture.store($0).digest(of: volume) }
      #expect(digests[0] == digests[1])
      #expect(digests[0].count == 11)
    }
  }

  @Test func replicasOfEqualCountAreComparedByAScrub() async throws {
    try await RepairFixture.with(nodes: 2) { fixture in
      let all = try records(1...11)
      let volume = try await fixture.addVolume([0: Array(all[..<10]), 1: Array(all[1...])])
      try await fixture.waitForLooks()
      #expect(await !fixture.holds(0, all, in: volume), "nothing has compared them yet")
      try await fixture.catalog.enqueue(VolumeWork.scrub(volume, on: fixture.id(0)).queued)
      for index in 0..<2 {
        try await eventually("node \(index) has all") { await fixture.holds(index, all, in: volume) }
      }
    }
  }

  @Test func replicasAreComparedWhenTheirVolumeIsSealed() async throws {
    try await RepairFixture.with(nodes: 2) { fixture in
      let all = try records(1...11)
      let volume = VolumeID.make()
      for (index, records) in [all[..<10], all[1...]].enumerated() {
        try await fixture.store(index).createVolume(volume)
        for record in records { try await fixture.store(index).append(record, to: volume) }
      }
      try await fixture.catalog.add(
        Volume(id: volume, nodes: [fixture.id(0), fixture.id(1)], replicasWanted: 2, state: .open))
      try await fixture.waitForLooks()
      for index in 0..<2 { try await fixture.store(index).seal(volume) }
      try await fixture.catalog.seal(volume)
      for index in 0..<2 {
        try await eventually("node \(index) has all") { await fixture.holds(index, all, in: volume) }
      }
    }
  }

  /// The header of a record is destroyed and the index lost: nobody knows what was there.
  @Test func damageThatIsNobodysEnds() async throws {
    try await RepairFixture.with(nodes: 2) { fixture in
      let all = try records(1...10)
      let volume = try await fixture.addVolume([0: all, 1: all])
      let place = 128 + all[0].header.paddedLength
      try await fixture.tamper(1) { $0[place] ^= 1 }
      #expect(fixture.store(1).volume(volume)?.damagedCount == 1)
      try await eventually("the damage is gone") { fixture.store(1).volume(volume)?.damagedCount == 0 }
      for index in 0..<2 { #expect(await fixture.holds(index, all, in: volume)) }
      try await fixture.tamper(1) { _ in }
      #expect(fixture.store(1).volume(volume)?.damagedCount == 0, "it is not on the disk either")
      #expect(await fixture.holds(1, all, in: volume))
    }
  }

  /// The other replica has lost another record: what is left of both is put together, and neither is believed.
  @Test func damageOnEveryReplicaStaysKnown() async throws {
    try await RepairFixture.with(nodes: 2) { fixture in
      let all = try records(1...10)
      let volume = try await fixture.addVolume([0: all, 1: all])
      let length = all[0].header.paddedLength
      for index in 0..<2 { fixture.view.suspect(fixture.id(index), because: "told to") }
      for index in 0..<2 {
        try await fixture.tamper(index) { $0[128 + (2 + index) * length] ^= 1 }
        #expect(fixture.store(index).volume(volume)?.damagedCount == 1)
      }
      for index in 0..<2 { try await fixture.beat(index) }
      for index in 0..<2 {
        try await eventually("node \(index) has all") { await fixture.holds(index, all, in: volume) }
      }
      try await fixture.waitForLooks()
      for index in 0..<2 { #expect(fixture.store(index).volume(volume)?.damagedCount == 1) }
    }
  }

  /// With the only replica damaged there is nothing to do, and nothing is done again and again.
  @Test func whatCannotBeMendedIsTriedOnce() async throws {
    try await RepairFixture.with(nodes: 2) { fixture in
      let all = try records(1...10)
      let volume = try await fixture.addVolume([0: all])
      try await fixture.tamper(0) { $0[128 + all[0].header.length - 1] ^= 1 }
      try await eventually("it is tried") { fixture.log.count("repair failed", "\(volume)") == 1 }
      for _ in 0..<3 { try await fixture.waitForLooks() }
      #expect(fixture.log.count("volume/\(volume)") == 1)
      #expect(fixture.store(0).volume(volume)?.damagedCount == 1)
      #expect(await fixture.holds(0, Array(all[1...]), in: volume))
    }
  }
}

extension Array {
  func asyncMap<Value>(_ body: (Element) async throws -> Value) async rethrows -> [Value] {
    var values: [Value] = []
    for element in self { values.append(try await body(element)) }
    return values
  }
}
