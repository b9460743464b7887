import Testing

@testable import CairnCluster

/// When a node that failed a request is probed.
@Suite struct SuspicionTests {
  private let start = ContinuousClock.now

  /// How long it takes until a probe is due.
  private func wait(_ suspicion: Suspicion, from now: ContinuousClock.Instant) -> Duration? {
    for tick in 0...1000 {
      var copy = suspicion
      let time = Duration.milliseconds(100) * tick
      if copy.takeProbe(at: now + time) { return time }
    }
    return nil
  }

  @Test func probesThatFailBecomeRarer() throws {
    var suspicion = Suspicion(because: "refused", at: start)
    var now = start
    var waits: [Duration] = []
    for _ in 0..<20 {
      let time = try #require(wait(suspicion, from: now))
      waits.append(time)
      now += time
      let probes = (suspicion.takeProbe(at: now), suspicion.takeProbe(at: now + .seconds(1)))
      #expect(probes == (true, false), "one probe at a time")
      suspicion.probeFailed(because: "refused", at: now)
    }
    #expect(waits.first == Suspicion.firstDelay)
    #expect(waits == waits.sorted())
    #expect(waits.last == Suspicion.probeDelayMax)
  }

  /// It answers probes and fails requests: each time costs a client its patience.
  @Test func aNodeThatRelapsesIsLeftAloneLongerAndLonger() throws {
    var suspicion = Suspicion(because: "timed out", at: start)
    var now = start
    var waits: [Duration] = []
    for _ in 0..<10 {
      let time = try #require(wait(suspicion, from: now))
      waits.append(time)
      now += time
      _ = suspicion.takeProbe(at: now)
      suspicion.clear(at: now)
      #expect(!suspicion.isRaised)
      now += .seconds(5)
      suspicion.raise(because: "timed out", at: now)
    }
    #expect(waits == waits.sorted())
    #expect(waits.last == Suspicion.relapseDelayMax)
    // A node that has done well since is believed again.
    suspicion.clear(at: now)
    now += Suspicion.relapseTime
    suspicion.raise(because: "timed out", at: now)
    #expect(wait(suspicion, from: now) == Suspicion.firstDelay)
  }

  @Test func aNewProcessIsProbedAtOnce() throws {
    var suspicion = Suspicion(because: "refused", at: start)
    for _ in 0..<10 {
      _ = suspicion.takeProbe(at: start + .seconds(60))
      suspicion.probeFailed(because: "refused", at: start)
    }
    suspicion.restarted(at: start)
    #expect(wait(suspicion, from: start) == .zero)
  }

  @Test func whatIsSuspectedAlreadyIsNotPutOff() {
    var suspicion = Suspicion(because: "refused", at: start)
    suspicion.raise(because: "timed out", at: start + .milliseconds(150))
    #expect(wait(suspicion, from: start) == Suspicion.firstDelay)
    #expect(suspicion.reason == "refused")
  }
}
