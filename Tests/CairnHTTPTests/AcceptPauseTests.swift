import Glibc
import NIOCore
import Testing

@testable import CairnHTTP

@Suite struct AcceptPauseTests {
  @Test func pausesGrowToASecondAndOnlyTheFirstIsLogged() {
    var state = AcceptPauseState()
    let failures = (0..<10).map { _ in state.failed() }
    #expect(failures.map(\.isFirst) == [true] + Array(repeating: false, count: 9))
    #expect(failures.map { $0.pause.nanoseconds / 1_000_000 } == [10, 20, 40, 80, 160, 320, 640, 1000, 1000, 1000])
    #expect(state.endEpisode() == 10)
    #expect(state.failed() == .init(pause: .milliseconds(10), isFirst: true))
  }

  @Test(arguments: [EMFILE, ENFILE, ENOBUFS, ENOMEM])
  func shortagesPass(errorNumber: Int32) {
    #expect(AcceptPauseState.isShortage(errorNumber))
    #expect(!AcceptPauseState.isShortage(ECONNABORTED))
  }

  @Test(arguments: [
    // What is configured, the limit on descriptors, what is allowed.
    (8192, 1_048_576, 8192), (8192, 20_000, 8192), (8192, 4096, 1536), (8192, 1024, 384), (8192, 256, 96),
    (50, 256, 50),
    (8192, Int.max, 8192), (8192, 2, 1), (8192, 0, 1),
  ])
  func connectionsLeaveDescriptorsForTheRest(configured: Int, descriptors: Int, allowed: Int) {
    #expect(ConnectionLimit.connectionsMax(configured: configured, descriptors: descriptors) == allowed)
  }

  @Test func listenersShareALimit() {
    let limit = ConnectionLimit(max: 2)
    #expect(limit.take())
    #expect(limit.take())
    #expect(!limit.take())
    limit.giveBack()
    #expect(limit.take())
  }
}
