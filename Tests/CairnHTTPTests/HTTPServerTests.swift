import CairnHTTP
import CairnTestSupport
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

/// Answers with what it was asked: the body of `/echo`, the head of everything else.
private struct EchoResponder: HTTPResponder {
  let bodyErrors = ErrorLog()

  func respond(to request: HTTPRequest) async -> HTTPResponse {
    switch request.path {
    case "/echo":
      var body = ByteBuffer()
      do throws(HTTPBodyError) {
        while let bytes = try await request.body.next() { body.writeImmutableBuffer(bytes) }
      } catch {
        bodyErrors.add("\(error)")
        return HTTPResponse(.badRequest, body: .bytes(ByteBuffer(string: "\(error)")))
      }
      return HTTPResponse(.ok, body: .bytes(body))
    case "/count":
      var count = 0
      do throws(HTTPBodyError) {
        while let bytes = try await request.body.next() { count += bytes.readableBytes }
      } catch {
        return HTTPResponse(.badRequest)
      }
      return HTTPResponse(.ok, body: .bytes(ByteBuffer(string: "\(count)")))
    case "/refuse": return HTTPResponse(.payloadTooLarge, body: .bytes(ByteBuffer(string: "no")))
    case "/stream":
      return HTTPResponse(
        .ok,
        body: .stream(length: nil) { writer in
          for index in 0..<3 { try await writer.write(ByteBuffer(string: "part\(index)")) }
        })
    case "/large":
      return HTTPResponse(
        .ok,
        body: .stream(length: 64 << 20) { writer in
          let bytes = ByteBuffer(repeating: 0x78, count: 64 << 10)
          for _ in 0..<1024 { try await writer.write(bytes) }
        })
    case "/short":
      return HTTPResponse(.ok, body: .stream(length: 100) { try await $0.write(ByteBuffer(string: "short")) })
    case "/unchanged": return HTTPResponse(.notModified, headers: ["ETag": "\"x\""])
    case "/header":
      return HTTPResponse(.ok, headers: ["X-Stored": "a\r\nSet-Cookie: evil=1"])
    default: return HTTPResponse(.ok, body: .bytes(ByteBuffer(string: "\(request.method) \(request.path)")))
    }
  }
}

private final class ErrorLog: Sendable {
  private let entries = Mutex<[String]>([])
  func add(_ entry: String) { entries.withLock { $0.append(entry) } }
}

@Suite struct HTTPServerTests {
  private func withServer(
    limits: HTTPServerLimits = .patient, _ body: (Int) async throws -> Void
  ) async throws {
    let server = try await HTTPServer.start(
      on: ListenAddress(host: "127.0.0.1", port: 0), group: MultiThreadedEventLoopGroup.singleton, limits: limits,
      responder: EchoResponder(),
      refusal: { HTTPResponse($0, body: .bytes(ByteBuffer(string: $1))) }, logger: Logger(label: "test"))
    do { try await body(server.port) } catch {
      await server.stop(grace: .zero)
      throw error
    }
    await server.stop(grace: .zero)
  }

  private func ask(_ request: String, limits: HTTPServerLimits = .patient) async throws -> String {
    let answer = Mutex("")
    try await withServer(limits: limits) { port in
      let connection = try await RawConnection.connect(port: port, sending: request)
      let text = try await connection.readToEnd()
      answer.withLock { $0 = text }
    }
    return answer.withLock { $0 }
  }

  @Test func connectionIsKeptForTheNextRequest() async throws {
    try await withServer { port in
      let connection = try await RawConnection.connect(port: port)
      for index in 0..<3 {
        try await connection.send("GET /\(index) HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try await connection.readAnswer().body == "GET /\(index)")
      }
      try await connection.close()
    }
  }

  @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
    try await withServer { port in
      let connection = try await RawConnection.connect(port: port)
      let requests = (0..<50).map { "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n\(100 + $0)" }
      try await connection.send(requests.joined())
      for index in 0..<50 {
        #expect(try await connection.readAnswer().body == "\(100 + index)")
      }
      try await connection.close()
    }
  }

  @Test func requestMayArriveByteByByte() async throws {
    try await withServer { port in
      let connection = try await RawConnection.connect(port: port)
      for byte in "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".utf8 {
        try await connection.send(ByteBuffer(bytes: [byte]))
      }
      #expect(try await connection.readAnswer().body == "abc")
      try await connection.close()
    }
  }

  @Test func continueIsSentWhenTheBodyIsWanted() async throws {
    try await withServer { port in
      let connection = try await RawConnection.connect(port: port)
      try await connection.send(
        "PUT /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
      #expect(try await connection.read(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
      try await connection.send("body")
      #expect(try await connection.readAnswer().body == "body")
      try await connection.close()
    }
  }

  @Test func continueIsSentForAnEmptyBodyToo() async throws {
    try await withServer { port in
      let connection = try await RawConnection.connect(port: port)
      try await connection.send(
        "PUT /other HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n")
      #expect(try await connection.read(until: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
      #expect(try await connection.readAnswer().head.hasPrefix("HTTP/1.1 200"))
      try await connection.close()
    }
  }

  @Test func refusalComesInsteadOfContinue() async throws {
    let answer = try await ask(
      "PUT /refuse HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n")
    #expect(answer.hasPrefix("HTTP/1.1 413"))
    #expect(answer.contains("Connection: close"))
  }

  @Test func refusedBodyIsTakenSoThatTheAnswerArrives() async throws {
    try await withServer { port in
      let connection = try await RawConnection.connect(port: port)
      try await connection.send("PUT /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 50000000\r\n\r\n")
      // The server closes its side while we still send: our send may fail, the answer must not get lost.
      try? await connection.send(ByteBuffer(repeating: 0, count: 1 << 20))
      #expect(try await connection.readToEnd().hasPrefix("HTTP/1.1 413"))
    }
  }

  @Test func smallUnreadBodyKeepsTheConnection() async throws {
    try await withServer { port in
      let connection = try await RawConnection.connect(port: port)
      try await connection.send("PUT /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n")
      #expect(try await connection.readAnswer().body == "no")
      try await connection.send("bodyGET /next HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try await connection.readAnswer().body == "GET /next")
      try await connection.close()
    }
  }

  @Test func bodyOfUnknownLengthIsChunked() async throws {
    let answer = try await ask("GET /stream HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    #expect(answer.contains("Transfer-Encoding: chunked"))
    #expect(answer.hasSuffix("5\r\npart0\r\n5\r\npart1\r\n5\r\npart2\r\n0\r\n\r\n"))
  }

  @Test func oldClientsGetABodyThatTheCloseEnds() async throws {
    let answer = try await ask("GET /stream HTTP/1.0\r\n\r\n")
    #expect(!answer.contains("chunked"))
    #expect(answer.hasSuffix("\r\n\r\npart0part1part2"))
  }

  @Test func headAnswersHaveNoBody() async throws {
    let answer = try await ask("HEAD /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    #expect(answer.contains("Content-Length: 67108864"))
    #expect(answer.hasSuffix("\r\n\r\n"))
  }

  @Test func notModifiedHasNoFraming() async throws {
    try await withServer { port in
      let connection = try await RawConnection.connect(port: port)
      try await connection.send("GET /unchanged HTTP/1.1\r\nHost: x\r\n\r\nGET /next HTTP/1.1\r\nHost: x\r\n\r\n")
      let head = try await connection.read(until: "\r\n\r\n")
      #expect(head.hasPrefix("HTTP/1.1 304"))
      #expect(!head.lowercased().contains("content-length"))
      #expect(try await connection.readAnswer().body == "GET /next")
      try await connection.close()
    }
  }

  @Test func shortBodyClosesTheConnection() async throws {
    let answer = try await ask("GET /short HTTP/1.1\r\nHost: x\r\n\r\n")
    #expect(answer.contains("Content-Length: 100"))
    #expect(answer.hasSuffix("short"))
  }

  @Test func storedLineBreaksCannotForgeHeaders() async throws {
    let answer = try await ask("GET /header HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    #expect(answer.contains("X-Stored: a  Set-Cookie: evil=1\r\n"))
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    ("nonsense\r\n\r\n", 405), ("QUERY / HTTP/1.1\r\nHost: x\r\n\r\n", 405),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400),
    ("GET / HTTP/1.1\r\nHost: x\r\nA: " + String(repeating: "x", count: 70_000) + "\r\n\r\n", 431),
    ("GET / HTTP/1.1\r\nHost: x\r\nA: " + String(repeating: "x", count: 200_000) + "\r\n\r\n", 431),
    ("GET / HTTP/1.1\r\nHost: x\r\n" + String(repeating: "A: b\r\n", count: 256) + "\r\n", 431),
    ("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
  ])
  func malformedRequestsAreRefused(request: String, status: Int) async throws {
    #expect(try await ask(request).hasPrefix("HTTP/1.1 \(status) "))
  }

  @Test func manyHeadersAreAllowed() async throws {
    let headers = String(repeating: "A: b\r\n", count: 254)
    let answer = try await ask("GET / HTTP/1.1\r\nHost: x\r\n\(headers)Connection: close\r\n\r\n")
    #expect(answer.hasPrefix("HTTP/1.1 200"))
  }

  @Test func cutOffBodyIsAnError() async throws {
    try await withServer { port in
      let connection = try await RawConnection.connect(port: port)
      try await connection.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc")
      try await connection.closeOutput()
      let answer = try await connection.readToEnd()
      #expect(answer.hasPrefix("HTTP/1.1 400"))
      #expect(answer.contains("ended before its announced length"))
    }
  }

  @Test func halfClosedClientsGetTheirAnswer() async throws {
    try await withServer { port in
      let connection = try await RawConnection.connect(port: port)
      try await connection.send("GET /half HTTP/1.1\r\nHost: x\r\n\r\n")
      try await connection.closeOutput()
      #expect(try await connection.readToEnd().hasSuffix("GET /half"))
    }
  }

  @Test func slowHeadersTimeOut() async throws {
    var limits = HTTPServerLimits()
    limits.requestTimeout = .milliseconds(100)
    let answer = try await ask("GET / HTTP/1.1\r\nHost:", limits: limits)
    #expect(answer.hasPrefix("HTTP/1.1 408"))
  }

  @Test func silentBodiesTimeOut() async throws {
    var limits = HTTPServerLimits()
    // Long enough that a busy machine sends the request within it.
    limits.idleTimeout = .seconds(2)
    let answer = try await ask("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc", limits: limits)
    #expect(answer.hasPrefix("HTTP/1.1 400"))
    #expect(answer.contains("No byte of the request's body came"))
  }

  /// Bytes keep coming, so that it is not silent.
  @Test func slowBodiesTimeOut() async throws {
    var limits = HTTPServerLimits()
    limits.uploadRateMin = 1 << 20
    limits.uploadRatePeriod = .milliseconds(300)
    try await withServer(limits: limits) { port in
      let connection = try await RawConnection.connect(
        port: port, sending: "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
      let sending = Task {
        while !Task.isCancelled {
          try await connection.send("x")
          try await Task.sleep(for: .milliseconds(20))
        }
      }
      defer { sending.cancel() }
      let answer = try await connection.readToEnd()
      #expect(answer.hasPrefix("HTTP/1.1 400") && answer.contains("the slowest rate allowed"), "\(answer)")
      #expect(answer.contains("Connection: close"))
    }
  }

  @Test func silentConnectionsAreClosed() async throws {
    var limits = HTTPServerLimits()
    limits.idleTimeout = .milliseconds(100)
    #expect(try await ask("", limits: limits) == "")
  }

  @Test func largeAnswersArriveWhole() async throws {
    let answer = try await ask("GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    #expect(answer.utf8.count > 64 << 20)
    #expect(answer.hasSuffix("xxxx"))
  }

  @Test func largeBodiesArriveWhole() async throws {
    try await withServer { port in
      let connection = try await RawConnection.connect(port: port)
      try await connection.send("POST /count HTTP/1.1\r\nHost: x\r\nContent-Length: \(16 << 20)\r\n\r\n")
      for _ in 0..<16 { try await connection.send(ByteBuffer(repeating: 1, count: 1 << 20)) }
      #expect(try await connection.readAnswer().body == "\(16 << 20)")
      try await connection.close()
    }
  }

  @Test func connectionsPastTheLimitAreToldToComeBack() async throws {
    var limits = HTTPServerLimits()
    limits.connectionsMax = 1
    try await withServer(limits: limits) { port in
      let first = try await RawConnection.connect(port: port)
      try await first.send("GET /first HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try await first.readAnswer().body == "GET /first")
      let second = try await RawConnection.connect(port: port)
      let answer = try await second.readToEnd()
      #expect(answer.hasPrefix("HTTP/1.1 503"))
      #expect(answer.contains("Retry-After: 1"))
      try await first.close()
    }
  }

  @Test func everyAnswerHasItsOwnRequestID() async throws {
    try await withServer { port in
      let connection = try await RawConnection.connect(port: port)
      var ids: Set<Substring> = []
      for _ in 0..<3 {
        try await connection.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        let head = try await connection.readAnswer().head
        ids.insert(try #require(head.split(separator: "\r\n").first { $0.hasPrefix("X-Request-Id: ") }))
      }
      #expect(ids.count == 3)
      try await connection.close()
    }
  }

  @Test func requestUnderWayFinishesWhenTheServerStops() async throws {
    let server = try await HTTPServer.start(
      on: ListenAddress(host: "127.0.0.1", port: 0), group: MultiThreadedEventLoopGroup.singleton,
      responder: EchoResponder(), refusal: { HTTPResponse($0, body: .bytes(ByteBuffer(string: $1))) },
      logger: Logger(label: "test"))
    let connection = try await RawConnection.connect(port: server.port)
    try await connection.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc")
    // Another connection's answer proves that the first request has been taken up.
    let other = try await RawConnection.connect(port: server.port)
    try await other.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    _ = try await other.readAnswer()
    async let stopped: Void = server.stop(grace: .seconds(10))
    #expect(try await other.readToEnd() == "")
    try await connection.send("def")
    let answer = try await connection.readToEnd()
    #expect(answer.hasSuffix("abcdef"))
    #expect(answer.contains("Connection: close"))
    await stopped
  }
}
