import CairnModel
import Testing

@testable import CairnCluster

/// When volumes that began with one replica are sealed to be copied.
@Suite struct CopyScheduleTests {
  private let start = ContinuousClock.now
  private let node: NodeID = .make()

  /// Another one, that can take a replica.
  private let targets: Set<NodeID> = [.make()]

  private func volume(on node: NodeID) -> Volume { Volume(id: .make(), nodes: [node], replicasWanted: 3) }

  @Test func aVolumeIsDueALittleAfterItsFirstRecord() {
    var schedule = CopySchedule()
    let volume = volume(on: node)
    #expect(schedule.due(at: start, among: targets).isEmpty)
    schedule.appended(10, to: volume, at: start)
    // Later records don't put it off.
    schedule.appended(10, to: volume, at: start + CopySchedule.delay / 2)
    #expect(schedule.due(at: start + CopySchedule.delay - .milliseconds(1), among: targets).isEmpty)
    #expect(schedule.due(at: start + CopySchedule.delay, among: targets) == [volume])
    schedule.sealed(volume)
    #expect(schedule.all.isEmpty)
    #expect(schedule.takeSealed(among: targets) == [volume])
    #expect(schedule.takeSealed(among: targets).isEmpty, "it is handed out once")
  }

  @Test func aVolumeIsNotDueBeforeThereIsANodeForAReplica() {
    var schedule = CopySchedule()
    let volume = volume(on: node)
    schedule.appended(10, to: volume, at: start)
    #expect(schedule.due(at: start + .seconds(60), among: []).isEmpty)
    #expect(schedule.due(at: start + .seconds(60), among: [node]).isEmpty)
    #expect(schedule.due(at: start + .seconds(60), among: targets.union([node])) == [volume])
    schedule.sealed(volume)
    #expect(schedule.takeSealed(among: [node]).isEmpty)
    #expect(schedule.takeSealed(among: targets) == [volume])
  }

  /// A trickle of small files for ten minutes, on one node.
  @Test func aSteadyTrickleMakesABoundedNumberOfVolumes() {
    var schedule = CopySchedule()
    var current = volume(on: node)
    var sealed = 0
    var longest: Duration = .zero
    var first: ContinuousClock.Instant?
    for tick in 0..<6000 {
      let now = start + .milliseconds(100) * tick
      schedule.appended(1000, to: current, at: now)
      first = first ?? now
      for volume in schedule.due(at: now, among: targets) {
        schedule.sealed(volume)
        sealed += 1
        longest = max(longest, now - (first ?? now))
        current = self.volume(on: node)
        first = nil
      }
    }
    #expect(sealed <= 600 / 20 + 1)
    #expect(longest <= CopySchedule.interval + .milliseconds(100), "nothing waits longer")
  }

  @Test func aLargeVolumeIsDueWhateverCameBefore() {
    var schedule = CopySchedule()
    let (small, large) = (volume(on: node), volume(on: node))
    schedule.appended(1, to: small, at: start)
    #expect(schedule.due(at: start + .seconds(1), among: targets) == [small])
    schedule.sealed(small)
    schedule.appended(CopySchedule.size - 1, to: large, at: start + .seconds(1))
    #expect(schedule.due(at: start + .seconds(3), among: targets).isEmpty)
    schedule.appended(1, to: large, at: start + .seconds(3))
    #expect(schedule.due(at: start + .seconds(3), among: targets) == [large])
  }

  @Test func nodesDoNotWaitForEachOther() {
    var schedule = CopySchedule()
    let volumes = [volume(on: node), volume(on: .make())].sorted { $0.id < $1.id }
    schedule.appended(1, to: volumes[0], at: start)
    #expect(schedule.due(at: start + .seconds(1), among: targets) == [volumes[0]])
    schedule.sealed(volumes[0])
    schedule.appended(1, to: volumes[1], at: start + .seconds(1))
    #expect(schedule.due(at: start + .seconds(2), among: targets) == [volumes[1]])
  }

  /// A node that refused a record: what was written before is due at once.
  @Test func aVolumeThatWasSealedForAnotherReasonIsHandedOut() {
    var schedule = CopySchedule()
    let volume = volume(on: node)
    schedule.appended(1, to: volume, at: start)
    schedule.sealed(volume)
    #expect(schedule.due(at: start + .seconds(60), among: targets).isEmpty)
    #expect(schedule.takeSealed(among: targets) == [volume])
  }
}
