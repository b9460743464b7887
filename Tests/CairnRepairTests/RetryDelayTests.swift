import CairnCatalog
import CairnModel
import CairnNodeClient
import Testing

@testable import CairnRepair

/// How work waits after a failure, by its kind.
@Suite struct RetryDelayTests {
  private static let volume: VolumeID = .make()
  private static let node: NodeID = .make()
  private static let completion = VolumeWork.complete(volume, on: [node])
  private static let copy = VolumeWork.replicate(volume, to: node, replacing: nil)

  private static func delays(of work: VolumeWork, after error: RepairError) -> [Duration?] {
    (1...8).map { work.retryDelay(after: error, attempt: $0) }
  }

  private static let growing: [Duration] = [2, 4, 8, 16].map { .seconds($0) }

  @Test(arguments: [completion, copy, .scrub(volume, on: node)])
  func noWorkIsGivenUpBecauseTheCatalogIsAway(_ work: VolumeWork) {
    let delays = Self.delays(of: work, after: .catalog(.unavailable("test")))
    #expect(delays == Self.growing + Array(repeating: .seconds(30), count: 4))
  }

  @Test func theOnlyReplicaIsWaitedFor() {
    let delays = Self.delays(of: Self.completion, after: .noSource(Self.volume))
    #expect(delays == Self.growing + Array(repeating: .seconds(30), count: 4))
    // What has one target in mind gives way to a new plan.
    #expect(Self.delays(of: Self.copy, after: .noSource(Self.volume)) == Self.growing + Array(repeating: nil, count: 4))
  }

  @Test func fullNodesAreNotAskedAgainAtOnce() {
    let delays = Self.delays(of: Self.completion, after: .node(.refused(Self.node, .readOnly, "test")))
    #expect(delays == Array(repeating: .seconds(30), count: 4) + Array(repeating: nil, count: 4))
  }

  @Test(arguments: [
    RepairError.node(.unreachable(node, "test")), .noTarget(volume), .failed("test"),
  ])
  func otherFailuresAreTriedAgainAFewTimes(_ error: RepairError) {
    #expect(Self.delays(of: Self.completion, after: error) == Self.growing + Array(repeating: nil, count: 4))
  }

  @Test(arguments: [completion, copy, .mend(volume)]) func whatNoReplicaHasIsNotTriedAgain(_ work: VolumeWork) {
    #expect(work.retryDelay(after: .damaged(Self.volume, count: 1), attempt: 1) == nil)
  }

  /// Somebody may wait for a scrub, and it stands in nobody's way.
  @Test func aScrubIsNeverGivenUp() {
    let scrub = VolumeWork.scrub(Self.volume, on: Self.node)
    #expect(scrub.retryDelay(after: .failed("test"), attempt: 100) == .seconds(300))
  }
}
