import CairnCatalog
import CairnModel
import Testing

@testable import CairnRepair

/// Work as the queue keeps it.
@Suite struct VolumeWorkTests {
  private static let volume: VolumeID = .make()
  private static let nodes: [NodeID] = [.make(), .make(), .make()]

  @Test(
    arguments: [
      .replicate(volume, to: nodes[0], replacing: nil), .replicate(volume, to: nodes[0], replacing: nodes[1]),
      .complete(volume, on: []), .complete(volume, on: nodes), .retire(volume, from: nodes[0]),
      .drop(volume, from: nodes[0]), .mend(volume), .compare(volume), .scrub(volume, on: nodes[0]),
    ] as [VolumeWork])
  func workComesBackFromTheQueueAsItWas(_ work: VolumeWork) throws {
    #expect(try VolumeWork(work.queued) == work)
  }

  @Test func workOnTheReplicasOfAVolumeHasOneKey() {
    let works: [VolumeWork] = [
      .replicate(Self.volume, to: Self.nodes[0], replacing: nil), .complete(Self.volume, on: Self.nodes),
      .drop(Self.volume, from: Self.nodes[1]),
    ]
    #expect(Set(works.map(\.queued.key)).count == 1)
  }

  @Test func workWithoutItsNodeIsRefused() {
    let work = VolumeWork.drop(Self.volume, from: Self.nodes[0]).queued
    let damaged = RepairWork(key: work.key, kind: work.kind, payload: Array(work.payload.dropLast(1)))
    #expect(throws: FormatError.self) { try VolumeWork(damaged) }
    let unknown = RepairWork(key: work.key, kind: "other", payload: work.payload)
    #expect(throws: FormatError.self) { try VolumeWork(unknown) }
  }
}
