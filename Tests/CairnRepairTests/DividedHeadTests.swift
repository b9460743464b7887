import CairnCatalog
import CairnCluster
import CairnModel
import CairnNodeClient
import CairnRepair
import CairnStorage
import CairnTestSupport
import NIOCore
import Testing

/// Head records that reached some replicas only, as after a power cut: repairs do not make them look acknowledged.
@Suite struct DividedHeadTests {
  private func name() throws -> ObjectName { ObjectName(key: try ObjectKey("k")) }

  /// - Parameter age: of its version, in seconds.
  private func head(age: UInt64) throws -> (record: EncodedRecord, attributes: ObjectAttributes) {
    let attributes = ObjectAttributes(
      size: 0, contentType: "a/b", createdAt: .now(), md5: Digest([UInt8](repeating: 1, count: 16)),
      sha256: Digest([UInt8](repeating: 2, count: 32)), layout: .inline)
    let blob = BlobID(high: (Timestamp.now().millisecondsSinceEpoch - age * 1000) << 16, low: 1)
    let metadata = HeadRecord(name: try name(), attributes: attributes, condition: .always).metadata()
    let record = Record(kind: .head, blob: blob, timestamp: .now(), metadata: metadata, payload: ByteBuffer())
    return (try EncodedRecord(record), attributes)
  }

  private func lists(_ index: Int, _ record: EncodedRecord, in volume: VolumeID, _ fixture: RepairFixture) async -> Bool
  {
    let blobs = try? await fixture.store(index).blobs(in: volume)
    return blobs?.contains { $0.blob == record.header.blob } ?? false
  }

  @Test func aHeadThatWasNeverCommittedIsRefused() async throws {
    try await RepairFixture.with(nodes: 2) { fixture in
      let chunk = try RepairFixture.record(1)
      let head = try head(age: 3600).record
      let volume = try await fixture.addVolume([0: [chunk, head], 1: []])
      try await eventually("the chunk is copied") { await fixture.holds(1, [chunk], in: volume) }
      try await eventually("the head is garbage") { await !lists(0, head, in: volume, fixture) }
      #expect(await !lists(1, head, in: volume, fixture))
      // One replica takes note after the other.
      for index in 0..<2 {
        try await eventually("a tombstone is there") { try await fixture.store(index).digest(of: volume).count == 2 }
      }
    }
  }

  @Test func aHeadThatTheCatalogHasIsCopied() async throws {
    try await RepairFixture.with(nodes: 2) { fixture in
      let (head, attributes) = try head(age: 3600)
      let object = { StoredObject(head: BlobLocation(volume: $0, blob: head.header.blob), attributes: attributes) }
      _ = try await fixture.catalog.put(object(VolumeID.make()), as: name(), if: .always)
      let volume = try await fixture.addVolume([0: [head], 1: []])
      try await eventually("the head is copied") { await lists(1, head, in: volume, fixture) }
    }
  }

  /// Its writer may be about to commit it.
  @Test func aYoungHeadIsLeftWhereItIs() async throws {
    try await RepairFixture.with(nodes: 2) { fixture in
      let head = try head(age: 1).record
      let chunk = try RepairFixture.record(1)
      let volume = try await fixture.addVolume([0: [head, chunk], 1: []])
      try await eventually("the rest is copied") { await fixture.holds(1, [chunk], in: volume) }
      try await fixture.waitForLooks()
      #expect(await lists(0, head, in: volume, fixture))
      #expect(await !lists(1, head, in: volume, fixture))
    }
  }

  /// Its replica would be the last that has it, and it may be committed yet.
  @Test func aReplicaWithAYoungHeadIsNotDropped() async throws {
    try await RepairFixture.with(nodes: 2) { fixture in
      let head = try head(age: 1).record
      let volume = try await fixture.addVolume([0: []])
      try await fixture.store(1).createVolume(volume)
      try await fixture.store(1).append(head, to: volume)
      try await fixture.catalog.enqueue(VolumeWork.drop(volume, from: fixture.id(1)).queued)
      try await eventually("it is tried") { fixture.log.count("repair failed", "\(volume)") > 0 }
      #expect(await lists(1, head, in: volume, fixture))
      #expect(await !lists(0, head, in: volume, fixture))
    }
  }

  /// Whoever appended to it is gone for good.
  @Test func anOpenVolumeWhoseReplicasDifferIsSealed() async throws {
    try await RepairFixture.with(nodes: 2) { fixture in
      let (chunk, more) = (try RepairFixture.record(1), try RepairFixture.record(2))
      let head = try head(age: 3600).record
      let volume = VolumeID.make()
      for (index, records) in [[chunk, more, head], [chunk]].enumerated() {
        try await fixture.store(index).createVolume(volume)
        for record in records { try await fixture.store(index).append(record, to: volume) }
      }
      try await fixture.catalog.add(Volume(id: volume, nodes: [fixture.id(0), fixture.id(1)]))
      try await eventually("it is sealed") { try await fixture.catalog.volume(volume)?.state == .sealed }
      for index in 0..<2 {
        try await eventually("node \(index) has the chunks") { await fixture.holds(index, [chunk, more], in: volume) }
        try await eventually("the head is no object") { await !lists(index, head, in: volume, fixture) }
      }
    }
  }

  @Test func anOpenVolumeWhoseReplicasAreEqualStaysOpen() async throws {
    try await RepairFixture.with(nodes: 2) { fixture in
      let chunk = try RepairFixture.record(1)
      let volume = VolumeID.make()
      for index in 0..<2 {
        try await fixture.store(index).createVolume(volume)
        try await fixture.store(index).append(chunk, to: volume)
      }
      try await fixture.catalog.add(Volume(id: volume, nodes: [fixture.id(0), fixture.id(1)]))
      for _ in 0..<3 { try await fixture.waitForLooks() }
      try await fixture.catalog.enqueue(VolumeWork.compare(volume).queued)
      try await eventually("it is compared") { try await fixture.catalog.count() == 0 }
      #expect(try await fixture.catalog.volume(volume)?.state == .open)
    }
  }

  /// After a crash of everything: their sizes are equal.
  @Test func anOpenVolumeIsComparedWhenACoordinatorAsks() async throws {
    try await RepairFixture.with(nodes: 2) { fixture in
      let records = [try RepairFixture.record(1), try RepairFixture.record(2)]
      let volume = VolumeID.make()
      for (index, record) in records.enumerated() {
        try await fixture.store(index).createVolume(volume)
        try await fixture.store(index).append(record, to: volume)
      }
      try await fixture.catalog.add(Volume(id: volume, nodes: [fixture.id(0), fixture.id(1)]))
      try await fixture.catalog.enqueue(VolumeWork.compare(volume).queued)
      for index in 0..<2 {
        try await eventually("node \(index) has both") { await fixture.holds(index, records, in: volume) }
      }
      #expect(try await fixture.catalog.volume(volume)?.state == .sealed)
    }
  }
}
