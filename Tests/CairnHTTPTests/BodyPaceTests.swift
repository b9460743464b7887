import NIOCore
import Testing

@testable import CairnHTTP

/// Time is what the test says it is.
@Suite struct BodyPaceTests {
  enum Step {
    /// The server waits so many seconds.
    case wait(Int64)
    /// The client waits so many seconds for the server.
    case work(Int64)
    case bytes(Int)
  }

  /// 1,000 bytes a second over a minute.
  private func isTooSlow(_ steps: [Step], rate: Int = 1000) -> Bool {
    var limits = HTTPServerLimits()
    limits.uploadRateMin = rate
    var pace = BodyPace(limits)
    var now = NIODeadline.uptimeNanoseconds(1)
    for step in steps {
      switch step {
      case .wait(let seconds):
        let most = pace.wait(from: now)
        now = now + min(.seconds(seconds), most)
        pace.stopWaiting(at: now)
        if pace.isTooSlow { return true }
      case .work(let seconds): now = now + .seconds(seconds)
      case .bytes(let count): pace.received(count)
      }
    }
    return false
  }

  @Test(
    arguments: [
      ([.wait(59)], false), ([.wait(60)], true), ([.wait(3600)], true),
      ([.bytes(59_999), .wait(60)], true), ([.bytes(60_000), .wait(59)], false),
      // Only what comes within the period counts.
      ([.bytes(1 << 30), .wait(60)], true),
      ([.wait(50), .bytes(60_000), .wait(50), .bytes(60_000), .wait(50)], false),
      ([.wait(50), .bytes(100), .wait(50)], true),
      // While the client waits for the server, no time passes.
      ([.wait(50), .work(3600), .bytes(1), .wait(9), .work(3600)], false),
      ([.wait(50), .work(3600), .bytes(1), .wait(10)], true),
    ] as [([Step], Bool)])
  func onlyTheTimeThatTheServerWaitsCounts(steps: [Step], expected: Bool) {
    #expect(isTooSlow(steps) == expected)
  }

  @Test func withoutARateNothingIsTooSlow() {
    #expect(!isTooSlow([.wait(3600), .wait(3600)], rate: 0))
  }

  @Test func theRateMayBeAsGreatAsANumberCanBe() {
    #expect(isTooSlow([.bytes(1 << 40), .wait(60)], rate: .max))
  }

  @Test(
    arguments: [
      ("127.0.0.1", "127.0.0.1", true), ("127.0.0.1", "127.0.0.2", false), ("10.1.2.3", "::ffff:10.1.2.3", true),
      ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true), ("2001:db8:1:2::1", "2001:db8:1:3::1", false),
      ("::ffff:10.1.2.3", "::ffff:10.1.2.4", false),
    ])
  func aSenderIsOneMachine(left: String, right: String, areSame: Bool) throws {
    let networks = try [left, right].map { try SocketAddress(ipAddress: $0, port: 1).network }
    #expect((networks[0] == networks[1]) == areSame, "\(networks)")
  }
}
