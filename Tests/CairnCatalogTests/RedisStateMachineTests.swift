import NIOCore
import Testing

@testable import CairnCatalog

/// The protocol of one connection, without sockets and without waiting.
@Suite struct RedisStateMachineTests {
  typealias Machine = RedisConnectionStateMachine<Int>

  private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
  private let ok = RedisReply.status("OK")

  @Test(
    arguments: [
      (nil, nil, 0, ["PING"]),
      (nil, "secret", 0, ["AUTH secret", "PING"]),
      ("me", "secret", 3, ["AUTH me secret", "SELECT 3", "PING"]),
      ("me", nil, 3, ["SELECT 3", "PING"]),
    ] as [(String?, String?, Int, [String])])
  func theHandshakeFollowsTheConfiguration(
    user: String?, password: String?, database: Int, commands: [String]
  ) throws {
    var machine = Machine(commandTimeout: .seconds(5))
    let sent = machine.connected(
      configuration: RedisConfiguration(
        address: .host("redis", port: 6379), username: user, password: password, database: database), now: start)
    #expect(try sent.map { try words($0) } == commands)
    for _ in commands.dropLast() {
      guard case .none = machine.receive(ok) else {
        Issue.record("ready before the last answer")
        return
      }
    }
    guard case .becomeReady = machine.receive(.status("PONG")) else {
      Issue.record("not ready after the last answer")
      return
    }
    #expect(machine.nextDeadline == nil)
  }

  @Test func aRefusedHandshakeEndsTheConnection() {
    var machine = Machine(commandTimeout: .seconds(5))
    _ = machine.connected(
      configuration: RedisConfiguration(address: .host("redis", port: 6379), password: "x"), now: start)
    guard case .close(let cause) = machine.receive(.error(RedisErrorReply(text: "WRONGPASS no"))) else {
      Issue.record("a wrong password was accepted")
      return
    }
    #expect(cause == "AUTH was refused: WRONGPASS no")
    #expect(machine.end().isEmpty)
  }

  @Test func answersGoToTheRequestsInTheirOrder() {
    var machine = ready()
    for number in 1...3 { expectSent(machine.submit(number, now: start)) }
    for number in 1...3 {
      guard case .answer(number, .integer(Int64(number))) = machine.receive(.integer(Int64(number))) else {
        Issue.record("answer \(number) went elsewhere")
        return
      }
    }
    #expect(machine.nextDeadline == nil)
  }

  @Test func anErrorIsAnAnswer() {
    var machine = ready()
    expectSent(machine.submit(1, now: start))
    guard case .answer(1, .error(let error)) = machine.receive(.error(RedisErrorReply(text: "WRONGTYPE no"))) else {
      Issue.record("an error ended the connection")
      return
    }
    #expect(error.code == "WRONGTYPE")
  }

  @Test(arguments: [
    "LOADING Redis is loading", "READONLY replica", "MASTERDOWN link",
    "ERR Error running script (call to f_0): @user_script:3: -READONLY You can't write",
  ])
  func aServerThatCannotServeEndsTheConnection(text: String) {
    var machine = ready()
    for number in 1...3 { expectSent(machine.submit(number, now: start)) }
    guard case .answerAndClose(1, .error, let cause) = machine.receive(.error(RedisErrorReply(text: text))) else {
      Issue.record("the connection goes on")
      return
    }
    #expect(cause == text)
    #expect(machine.end() == [2, 3])
    guard case .none = machine.receive(.null) else {
      Issue.record("an ended connection answers")
      return
    }
    guard case .refuse = machine.submit(4, now: start) else {
      Issue.record("an ended connection takes requests")
      return
    }
  }

  @Test func anAnswerToNothingEndsTheConnection() {
    var machine = ready()
    guard case .close = machine.receive(.null) else {
      Issue.record("an answer to nothing was taken")
      return
    }
  }

  @Test func theOldestAnswerDecidesWhatIsOverdue() {
    var machine = ready()
    expectSent(machine.submit(1, now: start))
    expectSent(machine.submit(2, now: start + .seconds(3)))
    #expect(machine.nextDeadline == start + .seconds(5))
    #expect(!machine.isOverdue(now: start + .nanoseconds(4_999_999_999)))
    #expect(machine.isOverdue(now: start + .seconds(5)))
    _ = machine.receive(.null)
    #expect(machine.nextDeadline == start + .seconds(8))
    #expect(!machine.isOverdue(now: start + .seconds(5)))
    #expect(machine.end() == [2])
  }

  @Test func theQueueIsBounded() {
    var machine = ready(pendingMax: 2)
    expectSent(machine.submit(1, now: start))
    expectSent(machine.submit(2, now: start))
    guard case .refuse = machine.submit(3, now: start) else {
      Issue.record("a third request was taken")
      return
    }
    #expect(machine.end() == [1, 2])
  }

  @Test func theHandshakeHasADeadlineToo() {
    var machine = Machine(commandTimeout: .seconds(5))
    _ = machine.connected(configuration: RedisConfiguration(address: .host("redis", port: 6379)), now: start)
    #expect(machine.isOverdue(now: start + .seconds(5)))
  }

  @Test func delaysGrowToTheirBoundAndAreScattered() {
    var random = SystemRandomNumberGenerator()
    var backoff = RedisBackoff()
    var step = RedisBackoff.delayMin
    for _ in 1...12 {
      let delay = backoff.delay(using: &random)
      #expect(delay <= step && delay >= .nanoseconds(step.nanoseconds / 2))
      step = min(step * 2, RedisBackoff.delayMax)
    }
    #expect(step == RedisBackoff.delayMax)
    backoff.reset()
    #expect(backoff.delay(using: &random) <= RedisBackoff.delayMin)
  }

  // MARK: Steps

  private func ready(pendingMax: Int = 100) -> Machine {
    var machine = Machine(commandTimeout: .seconds(5), pendingMax: pendingMax)
    _ = machine.connected(configuration: RedisConfiguration(address: .host("redis", port: 6379)), now: start)
    _ = machine.receive(.status("PONG"))
    return machine
  }

  private func expectSent(_ action: Machine.SubmitAction, _ location: SourceLocation = #_sourceLocation) {
    guard case .send = action else {
      Issue.record("a request was refused", sourceLocation: location)
      return
    }
  }

  /// The words of a command, read back by the reader of replies: a command is an array too.
  private func words(_ command: RedisCommand) throws -> String {
    var buffer = ByteBuffer()
    command.write(to: &buffer)
    let reader = RedisReplyReader()
    try reader.feed(buffer)
    guard case .array(let words) = try #require(try reader.next()) else { return "" }
    return words.map { if case .bytes(let word) = $0 { String(buffer: word) } else { "?" } }.joined(separator: " ")
  }
}
