@testable import CairnCatalog
import NIOCore

/// What Redis answers, or something that has taken its place.
extension FuzzTarget {
  static let redis: [FuzzTarget] = [
    FuzzTarget(
      "redis-replies",
      texts: [
        "+OK\r\n:1\r\n$5\r\nhello\r\n*3\r\n:1\r\n$-1\r\n*1\r\n+a\r\n-ERR Error running script: -OOM x\r\n",
        "*-1\r\n*0\r\n",
        "-LOADING Redis is loading\r\n:-9223372036854775808\r\n",
      ]
    ) { input in
      let whole = replies([input.buffer])
      let pieces = replies(input.pieces)
      try requireEqual(whole.replies, pieces.replies, "replies in one piece and in several")
      try requireEqual(whole.failed, pieces.failed, "the end of replies in one piece and in several")
    },

    FuzzTarget(
      "redis-connection", texts: ["+OK\r\n+OK\r\n+PONG\r\n:1\r\n:2\r\n", "-NOAUTH x\r\n", "+OK\r\n-ERR no\r\n"]
    ) { input in
      var machine = RedisConnectionStateMachine<Int>(commandTimeout: .seconds(1), pendingMax: 4)
      let configuration = RedisConfiguration(address: .host("x", port: 1), password: "p", database: 2)
      _ = machine.connected(configuration: configuration, now: .distantPast)
      var (sent, ended) = (0, 0)
      loop: for reply in replies(input.pieces).replies {
        switch machine.receive(reply) {
        case .none: break
        case .becomeReady:
          for _ in 0..<6 { if case .send = machine.submit(sent, now: .distantPast) { sent += 1 } }
        case .answer(let request, _), .answerAndClose(let request, _, _):
          try requireEqual(request, ended, "the request that an answer is for")
          ended += 1
        case .close: break loop
        }
      }
      try requireEqual(machine.end().count, sent - ended, "requests that get no answer")
    },
  ]

  private static func replies(_ pieces: [ByteBuffer]) -> (replies: [RedisReply], failed: Bool) {
    let reader = RedisReplyReader(replyLengthMax: 64 << 10)
    var replies: [RedisReply] = []
    do throws(RedisProtocolError) {
      for piece in pieces {
        try reader.feed(piece)
        while let reply = try reader.next() { replies.append(reply) }
      }
      return (replies, false)
    } catch {
      return (replies, true)
    }
  }
}
