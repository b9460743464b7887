import CairnHTTP
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

/// Requests whose bodies are made while they are sent.
@Suite struct HTTPClientStreamTests {
  /// Counts the body and tells a trailer; refuses at once where the path says so.
  private struct Counter: HTTPResponder {
    func respond(to request: HTTPRequest) async -> HTTPResponse {
      if request.path == "/refuse" {
        return HTTPResponse(.payloadTooLarge, body: .bytes(ByteBuffer(string: "too much")))
      }
      var count = 0
      do {
        while let bytes = try await request.body.next() { count += bytes.readableBytes }
      } catch {
        return HTTPResponse(.badRequest)
      }
      let trailer = request.body.trailers.first(name: "x-end") ?? "none"
      return HTTPResponse(.ok, body: .bytes(ByteBuffer(string: "\(count) \(trailer)")))
    }
  }

  private struct Broken: Error, CustomStringConvertible {
    let description = "no more"
  }

  /// What a stream is made of.
  private final class Pieces: Sendable {
    private let left: Mutex<Int>
    private let length: Int
    private let breaks: Bool

    init(_ count: Int, length: Int, breaks: Bool = false) {
      left = Mutex(count)
      self.length = length
      self.breaks = breaks
    }

    var count: Int { left.withLock { $0 } }

    var stream: HTTPClientStream {
      HTTPClientStream(
        next: {
          let isPiece = self.left.withLock { left in
            defer { left -= 1 }
            return left > 0
          }
          if !isPiece, self.breaks { throw Broken() }
          return isPiece ? ByteBuffer(repeating: 1, count: self.length) : nil
        }, trailers: { ["X-End": "told"] })
    }
  }

  private func send(
    _ path: String, _ pieces: [Pieces]
  ) async throws -> [Result<(HTTPResponseStatus, String), HTTPClientError>] {
    let server = try await HTTPServer.start(
      on: ListenAddress(host: "127.0.0.1", port: 0), group: MultiThreadedEventLoopGroup.singleton,
      responder: Counter(), refusal: { HTTPResponse($0, body: .bytes(ByteBuffer(string: $1))) },
      logger: Logger(label: "test"))
    let client = HTTPClient(group: .singleton, timeouts: .init(connect: .seconds(60), idle: .seconds(60)))
    let address = ListenAddress(host: "127.0.0.1", port: server.port)
    let answers = await client.onEventLoop {
      var answers: [Result<(HTTPResponseStatus, String), HTTPClientError>] = []
      for pieces in pieces {
        var request = HTTPClientRequest(.PUT, path)
        request.stream = pieces.stream
        do throws(HTTPClientError) {
          let response = try await client.send(request, to: address)
          let body = try await response.body.collect(limit: 1000)
          answers.append(.success((response.status, String(buffer: body))))
        } catch {
          answers.append(.failure(error))
        }
      }
      return answers
    }
    await server.stop(grace: .zero)
    return answers
  }

  @Test func aStreamArrivesWithItsTrailers() async throws {
    // More than any buffer holds; nothing at all; and again, on the same connection.
    let answers = try await send("/", [Pieces(40, length: 1 << 20), Pieces(0, length: 0), Pieces(3, length: 1)])
    #expect(try answers.map { try $0.get().1 } == ["\(40 << 20) told", "0 told", "3 told"])
  }

  @Test func anEarlyAnswerEndsTheStream() async throws {
    let pieces = Pieces(1_000_000, length: 1 << 16)
    let answers = try await send("/refuse", [pieces])
    let (status, body) = try #require(try answers.first?.get())
    #expect(status == .payloadTooLarge)
    #expect(body == "too much")
    #expect(pieces.count > 0)
  }

  @Test func aStreamThatFailsIsNoWholeBody() async throws {
    let answers = try await send("/", [Pieces(3, length: 1000, breaks: true), Pieces(1, length: 5)])
    guard case .failure(.bodyFailed(_, "no more"))? = answers.first else {
      Issue.record("\(answers)")
      return
    }
    // The next one has a connection of its own.
    #expect(try answers.last?.get().1 == "5 told")
  }

  // MARK: Cancellation

  /// Answers when it is let.
  private struct Patient: HTTPResponder {
    let asked: AsyncStream<Void>.Continuation
    let answers: AsyncStream<Void>

    func respond(to request: HTTPRequest) async -> HTTPResponse {
      asked.yield()
      for await _ in answers { break }
      return HTTPResponse(.ok)
    }
  }

  @Test(arguments: [true, false]) func aRequestThatOutlivesCancellationGetsItsAnswer(outlives: Bool) async throws {
    let (asked, ask) = AsyncStream.makeStream(of: Void.self)
    let (answers, answer) = AsyncStream.makeStream(of: Void.self)
    let server = try await HTTPServer.start(
      on: ListenAddress(host: "127.0.0.1", port: 0), group: MultiThreadedEventLoopGroup.singleton,
      responder: Patient(asked: ask, answers: answers), refusal: { status, _ in HTTPResponse(status) },
      logger: Logger(label: "test"))
    let client = HTTPClient(group: .singleton, timeouts: .init(connect: .seconds(60), idle: .seconds(60)))
    var request = HTTPClientRequest(.POST, "/")
    request.outlivesCancellation = outlives
    let sending = Task { [request] () async -> HTTPResponseStatus? in
      try? await client.fetch(request, from: ListenAddress(host: "127.0.0.1", port: server.port), limit: 1000).status
    }
    for await _ in asked { break }
    sending.cancel()
    if outlives { answer.yield() }
    #expect(await sending.value == (outlives ? .ok : nil))
    answer.finish()
    await server.stop(grace: .zero)
  }
}
