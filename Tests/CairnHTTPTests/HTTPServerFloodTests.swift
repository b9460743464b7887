import CairnHTTP
import CairnTestSupport
import NIOCore
import NIOHTTP1
import Synchronization
import Testing

/// Reads the body, then answers with its length, or with as many bytes as the path says.
private final class Responder: HTTPResponder {
  let requests = Atomic<Int>(0)

  func respond(to request: HTTPRequest) async -> HTTPResponse {
    requests.wrappingAdd(1, ordering: .relaxed)
    if let length = Int(request.path.dropFirst()) {
      return HTTPResponse(.ok, body: .bytes(ByteBuffer(repeating: 0x78, count: length)))
    }
    var sum = Adler()
    do throws(HTTPBodyError) {
      while let bytes = try await request.body.next() { sum.add(bytes.readableBytesView) }
    } catch {
      return HTTPResponse(.badRequest, body: .bytes(ByteBuffer(string: error.description)))
    }
    return HTTPResponse(.ok, body: .bytes(ByteBuffer(string: "\(sum)")))
  }
}

/// Length and Adler-32 of bytes.
private struct Adler: CustomStringConvertible {
  private var low: UInt32 = 1
  private var high: UInt32 = 0
  private var count = 0

  mutating func add(_ bytes: some Sequence<UInt8>) {
    for byte in bytes {
      low = (low + UInt32(byte)) % 65521
      high = (high + low) % 65521
      count += 1
    }
  }

  var description: String { "\(count) \(high)-\(low)" }
}

/// Clients that send more than a request needs, or read less than they asked for.
@Suite struct HTTPServerFloodTests {
  @Test(arguments: [
    // What comes before, what is repeated without end, the status, and what the answer says.
    ("GET / HTTP/1.1\r\nHost: x\r\n", "a: b\r\n", 431, "lines"),
    ("GET / HTTP/1.1\r\nHost: x\r\n", "a: " + String(repeating: "b", count: 1000) + "\r\n", 431, "65536 bytes"),
    ("GET /", String(repeating: "a", count: 1000), 431, "bytes"),
    ("PUT /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n", "a: b\r\n", 400, "lines"),
    (
      "PUT /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n",
      "a: " + String(repeating: "b", count: 1000) + "\r\n", 400, "65536 bytes"
    ),
    (
      "PUT /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;e=", String(repeating: "a", count: 1000),
      400, "65536 bytes"
    ),
    (
      "PUT /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
      "1;e=" + String(repeating: "a", count: 10_000) + "\r\nx\r\n", 400, "65536 bytes"
    ),
  ])
  func headsAndTrailersWithoutAnEndAreRefused(
    before: String, repeated: String, status: Int, message: String
  ) async throws {
    try await HTTPServerFixture.with(Responder()) { port in
      let connection = try await RawConnection.connect(port: port, sending: before)
      let block = ByteBuffer(string: String(repeating: repeated, count: (1 << 20) / repeated.utf8.count))
      // The server stops reading at some time: the last of these may fail.
      for _ in 0..<4 { try? await connection.send(block) }
      let answer = try await connection.readToEnd()
      #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)")
      #expect(answer.contains(message), "\(answer)")
      #expect(answer.contains("Connection: close"))
    }
  }

  @Test func ninetySixEntriesOfMetadataAreAllowed() async throws {
    let metadata = (0..<96).map { "x-amz-meta-\($0): \($0)\r\n" }.joined()
    let answer = try await HTTPServerFixture.ask(
      Responder(), "GET /1 HTTP/1.1\r\nHost: x\r\n\(metadata)Accept: */*\r\nUser-Agent: y\r\nConnection: close\r\n\r\n")
    #expect(answer.hasPrefix("HTTP/1.1 200"))
  }

  @Test func requestForAnUpgradeIsAnsweredAndEndsTheConnection() async throws {
    // What Java's client sends. The decoder takes all that follows for another protocol, and keeps it.
    let answer = try await HTTPServerFixture.ask(
      Responder(),
      "GET /5 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n")
    #expect(answer.hasPrefix("HTTP/1.1 200"))
    #expect(answer.contains("Connection: close"))
    #expect(answer.hasSuffix("xxxxx"))
  }

  @Test func clientThatReadsNoAnswersGetsNoMoreRequestsAnswered() async throws {
    let responder = Responder()
    var limits = HTTPServerLimits()
    limits.idleTimeout = .seconds(1)
    try await HTTPServerFixture.with(responder, limits: limits) { port in
      let connection = try await RawConnection.connect(port: port, isReading: false)
      try await connection.send(String(repeating: "GET /100000 HTTP/1.1\r\nHost: x\r\n\r\n", count: 2000))
      // The time-out of writes ends the connection.
      try await eventually("the server closes the connection") {
        do { try await connection.send("G") } catch { return true }
        return false
      }
      // What the kernel's buffers of both sides hold, and about 1 MiB of ours.
      #expect(responder.requests.load(ordering: .relaxed) < 400)
    }
  }

  @Test func manyPipelinedRequestsAreAllAnsweredInOrder() async throws {
    try await HTTPServerFixture.with(Responder()) { port in
      let connection = try await RawConnection.connect(port: port)
      let requests = (1...1000).map { "GET /\($0) HTTP/1.1\r\nHost: x\r\n\r\n" }.joined()
      try await connection.send(requests + "GET /1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
      let answers = try await connection.readToEnd()
      let lengths = answers.split(separator: "\r\n").filter { $0.hasPrefix("Content-Length: ") }
      #expect(lengths == (1...1000).map { "Content-Length: \($0)" } + ["Content-Length: 1"])
    }
  }

  @Test(arguments: [1, 2, 3, 4])
  func bodiesArriveUnchangedHoweverTheyAreCut(seed: UInt64) async throws {
    var random = SeededGenerator(seed: seed)
    var input: [UInt8] = []
    var expected: [String] = []
    for _ in 0..<8 {
      let body = (0..<Int.random(in: 0...100_000, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random)
      }
      var sum = Adler()
      sum.add(body)
      expected.append("\(sum)")
      if Bool.random(using: &random) {
        input += "PUT /body HTTP/1.1\r\nHost: x\r\nContent-Length: \(body.count)\r\n\r\n".utf8
        input += body
      } else {
        input += "PUT /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".utf8
        var rest = body[...]
        while !rest.isEmpty {
          let chunk = rest.prefix(Int.random(in: 1...50_000, using: &random))
          input += "\(String(chunk.count, radix: 16));x=y\r\n".utf8 + chunk + "\r\n".utf8
          rest = rest.dropFirst(chunk.count)
        }
        input += "0\r\nX-Trailer: z\r\n\r\n".utf8
      }
    }
    try await HTTPServerFixture.with(Responder()) { port in
      let connection = try await RawConnection.connect(port: port)
      let count = expected.count
      async let answers = (0..<count).asyncMap { _ in try await connection.readAnswer().body }
      var rest = input[...]
      while !rest.isEmpty {
        let piece = rest.prefix(Int.random(in: 1...100_000, using: &random))
        try await connection.send(ByteBuffer(bytes: piece))
        rest = rest.dropFirst(piece.count)
      }
      #expect(try await answers == expected)
      try await connection.close()
    }
  }
}

extension Sequence {
  fileprivate func asyncMap<Value>(_ transform: (Element) async throws -> Value) async rethrows -> [Value] {
    var values: [Value] = []
    for element in self { values.append(try await transform(element)) }
    return values
  }
}
