import CairnCatalog
import CairnModel
import CairnRepair
import CairnStorage
import CairnTestSupport
import NIOCore
import Testing

/// Whole replicas are made, and count once they are complete.
@Suite struct CopyTests {
  /// The tombstone came while the source was away, so there the record is one of an object still.
  @Test func garbageThatTheSourceDoesNotKnowOfHoldsNoCopyUp() async throws {
    try await RepairFixture.with(nodes: 2) { fixture in
      let all = try (1...10).map(RepairFixture.record)
      let volume = VolumeID.make()
      let tombstones = VolumeID.make()
      let garbage = BlobLocation(volume: volume, blob: all[3].header.blob)
      // A copy that broke off after some records.
      try await fixture.store(1).createVolume(volume)
      for record in all[..<5] { try await fixture.store(1).append(record, to: volume) }
      try await fixture.store(1).createVolume(tombstones)
      try await fixture.store(1).append(try tombstone(of: garbage), to: tombstones)
      try await fixture.store(0).createVolume(volume)
      for record in all { try await fixture.store(0).append(record, to: volume) }
      try await fixture.catalog.add(Volume(id: volume, nodes: [fixture.id(0)], replicasWanted: 2, state: .sealed))

      try await eventually("the copy counts") {
        try await fixture.catalog.volume(volume)?.nodes.contains(fixture.id(1)) ?? false
      }
      #expect(fixture.store(1).volume(volume)?.state == .sealed)
      #expect(await fixture.holds(1, all, in: volume), "garbage can be read until its grace ends")
      #expect(try await fixture.store(1).blobs(in: volume).map(\.blob) == (all[..<3] + all[4...]).map(\.header.blob))
    }
  }

  /// It came while the copy was made: only nodes that the volume's list names are told.
  @Test func aCopyIsToldWhatBecameGarbageMeanwhile() async throws {
    try await RepairFixture.with(nodes: 2) { fixture in
      let all = try (1...10).map(RepairFixture.record)
      let volume = VolumeID.make()
      for index in 0..<2 {
        try await fixture.store(index).createVolume(volume)
        for record in index == 0 ? all : Array(all[..<5]) { try await fixture.store(index).append(record, to: volume) }
      }
      try fixture.store(0).discard([all[3].header.blob], in: volume)
      try await fixture.catalog.add(Volume(id: volume, nodes: [fixture.id(0)], replicasWanted: 2, state: .sealed))
      try await eventually("the copy counts") {
        try await fixture.catalog.volume(volume)?.nodes.contains(fixture.id(1)) ?? false
      }
      try await eventually("it is told") { try await fixture.store(1).garbage(in: volume) == [all[3].header.blob] }
    }
  }

  private func tombstone(of garbage: BlobLocation) throws -> EncodedRecord {
    try EncodedRecord(
      Record(
        kind: .tombstone, blob: BlobID(high: 1 << 40, low: 1), timestamp: .now(),
        metadata: Tombstone(garbage: [garbage]).metadata(), payload: ByteBuffer()))
  }
}
