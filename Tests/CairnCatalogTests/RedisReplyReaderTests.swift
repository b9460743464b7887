import NIOCore
import Testing

@testable import CairnCatalog

@Suite struct RedisReplyReaderTests {
  private static let wire = ByteBuffer(
    string:
      "+OK\r\n-ERR no\r\n:-42\r\n$-1\r\n*-1\r\n$0\r\n\r\n$6\r\na\r\nb\0c\r\n*3\r\n$1\r\nx\r\n*2\r\n:1\r\n$-1\r\n+y\r\n*0\r\n"
  )

  private static let replies: [RedisReply] = [
    .status("OK"), .error(RedisErrorReply(text: "ERR no")), .integer(-42), .null, .null, .bytes(ByteBuffer()),
    .bytes(ByteBuffer(string: "a\r\nb\0c")),
    .array([.bytes(ByteBuffer(string: "x")), .array([.integer(1), .null]), .status("y")]), .array([]),
  ]

  @Test func everySplitOfTheBytesGivesTheSameReplies() throws {
    let wire = Self.wire
    for first in 0...wire.readableBytes {
      for second in first...wire.readableBytes {
        let reader = RedisReplyReader()
        var replies: [RedisReply] = []
        for part in [0..<first, first..<second, second..<wire.readableBytes] {
          try reader.feed(try #require(wire.getSlice(at: part.lowerBound, length: part.count)))
          while let reply = try reader.next() { replies.append(reply) }
        }
        #expect(replies == Self.replies, "split at \(first) and \(second)")
      }
    }
  }

  @Test func bytesOneByOneGiveTheSameReplies() throws {
    let reader = RedisReplyReader()
    var replies: [RedisReply] = []
    for byte in Self.wire.readableBytesView {
      try reader.feed(ByteBuffer(bytes: [byte]))
      while let reply = try reader.next() { replies.append(reply) }
    }
    #expect(replies == Self.replies)
  }

  @Test(arguments: ["HTTP/1.1 400 Bad Request\r\n", "$x\r\n", ":1x\r\n", "*1\r\n?\r\n"])
  func whatIsNotTheProtocolIsAnError(text: String) throws {
    let reader = RedisReplyReader()
    try reader.feed(ByteBuffer(string: text))
    #expect(throws: RedisProtocolError.self) { try reader.next() }
  }

  @Test func aReplyIsBounded() throws {
    let reader = RedisReplyReader(replyLengthMax: 100)
    try reader.feed(ByteBuffer(string: "$1000\r\n" + String(repeating: "x", count: 90)))
    #expect(try reader.next() == nil)
    try reader.feed(ByteBuffer(string: String(repeating: "x", count: 90)))
    #expect(throws: RedisProtocolError.self) { try reader.next() }
  }

  @Test func argumentsAreAnyBytes() throws {
    let all = Array(UInt8.min...UInt8.max)
    var command = RedisCommand("SET", all, -7, UInt64.max, ByteBuffer())
    command.append("🏔️")
    var buffer = ByteBuffer()
    command.write(to: &buffer)
    let reader = RedisReplyReader()
    try reader.feed(buffer)
    let words = ["SET", "-7", "\(UInt64.max)", "", "🏔️"].map { RedisReply.bytes(ByteBuffer(string: $0)) }
    let expected = [words[0], .bytes(ByteBuffer(bytes: all))] + words[1...]
    #expect(try reader.next() == .array(Array(expected)))
  }
}
