import CairnModel
import CairnNodeClient
import CairnStorage
import Foundation
import NIOCore
import Testing

@Suite struct RepairContractTests {
  /// Flips a bit of the payload of the first record of the fixture's one volume.
  private static func damageFirstRecord(_ fixture: NodeFixture, _ record: EncodedRecord) throws {
    let below = FileManager.default.subpaths(atPath: fixture.path) ?? []
    let log = try #require(below.first { $0.hasSuffix(".log") })
    let handle = try #require(FileHandle(forUpdatingAtPath: fixture.path + "/" + log))
    let offset = UInt64(128 + record.header.length - 1)
    try handle.seek(toOffset: offset)
    let byte = try #require(try handle.read(upToCount: 1)?.first)
    try handle.seek(toOffset: offset)
    try handle.write(contentsOf: [byte ^ 1])
    try handle.synchronize()
    try handle.close()
  }

  @Test(arguments: Transport.allCases)
  func aDamagedBlobIsFoundAndRestored(transport: Transport) async throws {
    try await NodeFixture.with(transport) { fixture in
      let volume = VolumeID.make()
      let ids = BlobIDGenerator()
      let records = try (0..<3000).map { try fixture.record(ByteBuffer(string: "payload \($0)"), id: ids.next()) }
      try await fixture.node.createVolume(volume)
      try await withThrowingTaskGroup(of: Void.self) { group in
        // The first one alone, so that it is known where it lies.
        try await fixture.store.append(records[0], to: volume)
        for record in records.dropFirst() { group.addTask { try await fixture.store.append(record, to: volume) } }
        try await group.waitForAll()
      }
      try await fixture.node.seal(volume)
      let whole = try await fixture.node.digest(of: volume)
      #expect(whole.count == 3000)
      let blobs = try await fixture.node.blobs(in: volume)
      #expect(blobs.map(\.blob) == records.map(\.header.blob))
      var sum = ReplicaDigest()
      for blob in blobs.shuffled() { sum.add(blob) }
      #expect(sum == whole)
      let clean = try await fixture.node.scrub(volume, bytesPerSecond: 0)
      #expect(clean.recordCount == 3000)
      #expect(clean.damaged.isEmpty)

      try Self.damageFirstRecord(fixture, records[0])
      let report = try await fixture.node.scrub(volume, bytesPerSecond: 0)
      #expect(report.damaged.map(\.blob) == [records[0].header.blob])
      #expect(report.damaged.map(\.offset) == [128])
      #expect(try await fixture.node.damaged(in: volume) == [records[0].header.blob])
      let replicas = try await fixture.node.volumes()
      #expect(replicas.map(\.damagedCount) == [1])
      #expect(try await fixture.node.digest(of: volume) != whole)
      let missing = Set(blobs).subtracting(try await fixture.node.blobs(in: volume))
      #expect(missing.map(\.blob) == [records[0].header.blob])

      for _ in 0..<2 { try await fixture.node.restore(records[0], to: volume) }
      #expect(try await fixture.node.damaged(in: volume) == [])
      #expect(try await fixture.node.digest(of: volume) == whole)
      let location = BlobLocation(volume: volume, blob: records[0].header.blob)
      #expect(try await fixture.node.record(location).record == records[0].record)
      let restored = try #require(try await fixture.node.volumes().first)
      #expect(restored.damagedCount == 0)
      #expect(restored.garbageBytes == UInt64(records[0].header.paddedLength))
    }
  }

  /// A node's own copy of the damaged record is no use to anyone: the replica is told to forget it.
  @Test(arguments: Transport.allCases)
  func aReplicaIsRewrittenWithoutDamage(transport: Transport) async throws {
    try await NodeFixture.with(transport) { fixture in
      let volume = VolumeID.make()
      let records = try (0..<3).map { try fixture.record(ByteBuffer(string: "payload \($0)")) }
      try await fixture.node.createVolume(volume)
      for record in records { try await fixture.node.append(record, to: volume) }
      try await fixture.node.seal(volume)
      try await fixture.node.rewriteWithoutDamage(volume)
      #expect(try await fixture.node.volumes().map(\.blobCount) == [3])
      try Self.damageFirstRecord(fixture, records[0])
      _ = try await fixture.node.scrub(volume, bytesPerSecond: 0)
      try await fixture.node.rewriteWithoutDamage(volume)
      let replica = try #require(try await fixture.node.volumes().first)
      #expect(replica.damagedCount == 0)
      #expect(replica.state == .sealed)
      #expect(Set(try await fixture.node.blobs(in: volume).map(\.blob)) == Set(records[1...].map(\.header.blob)))
      #expect(
        await refusal { () throws(NodeError) in try await fixture.node.rewriteWithoutDamage(VolumeID(rawValue: 1)) }
          == .volumeUnknown)
    }
  }

  @Test(arguments: Transport.allCases)
  func aScrubThatTakesLongIsWaitedFor(transport: Transport) async throws {
    try await NodeFixture.with(transport) { fixture in
      let volume = VolumeID.make()
      try await fixture.node.createVolume(volume)
      try await fixture.node.append(try fixture.record(ByteBuffer(repeating: 1, count: 1 << 20)), to: volume)
      // Longer than the client's patience with a connection on which nothing comes, of 5 s in this fixture.
      let report = try await fixture.node.scrub(volume, bytesPerSecond: (1 << 20) / 6)
      #expect(report.recordCount == 1)
    }
  }

  @Test(arguments: Transport.allCases)
  func aReplicaIsToldWhatIsGarbage(transport: Transport) async throws {
    try await NodeFixture.with(transport) { fixture in
      let volume = VolumeID.make()
      let ids = BlobIDGenerator()
      // More than one request and one item of an answer take.
      let records = try (0..<1100).map { _ in try fixture.record(ByteBuffer(), id: ids.next()) }
      try await fixture.node.createVolume(volume)
      try await withThrowingTaskGroup(of: Void.self) { group in
        for record in records { group.addTask { try await fixture.store.append(record, to: volume) } }
        try await group.waitForAll()
      }
      try await fixture.node.seal(volume)
      #expect(try await fixture.node.garbage(in: volume).isEmpty)
      let garbage = records[1...].map(\.header.blob)
      for _ in 1...2 { try await fixture.node.discard(garbage + [ids.next()], in: volume) }
      #expect(try await fixture.node.garbage(in: volume) == garbage)
      #expect(try await fixture.node.blobs(in: volume).map(\.blob) == [records[0].header.blob])
      #expect(try await fixture.node.volumes().map(\.blobCount) == [1], "it keeps no tombstone")
    }
  }

  @Test(arguments: Transport.allCases)
  func unknownVolumesAreRefused(transport: Transport) async throws {
    try await NodeFixture.with(transport) { fixture in
      let unknown = VolumeID(rawValue: 1)
      let record = try fixture.record(ByteBuffer(string: "x"))
      let node = fixture.node
      #expect(
        await refusal { () throws(NodeError) in _ = try await node.digest(of: unknown) } == .volumeUnknown)
      #expect(await refusal { () throws(NodeError) in _ = try await node.blobs(in: unknown) } == .volumeUnknown)
      #expect(
        await refusal { () throws(NodeError) in try await node.restore(record, to: unknown) } == .volumeUnknown)
      #expect(
        await refusal { () throws(NodeError) in _ = try await node.scrub(unknown, bytesPerSecond: 0) }
          == .volumeUnknown)
      #expect(await refusal { () throws(NodeError) in _ = try await node.damaged(in: unknown) } == .volumeUnknown)
      #expect(await refusal { () throws(NodeError) in _ = try await node.garbage(in: unknown) } == .volumeUnknown)
      #expect(
        await refusal { () throws(NodeError) in try await node.discard([record.header.blob], in: unknown) }
          == .volumeUnknown)
    }
  }
}
