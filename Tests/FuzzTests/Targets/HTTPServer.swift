@testable import CairnHTTP
import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1
import Foundation

/// A whole connection, from the bytes of a socket to the bytes of the answers.
extension FuzzTarget {
  static let httpServer: [FuzzTarget] = [
    FuzzTarget(
      "http-connection",
      texts: [
        "GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\nHEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "PUT /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nA: b\r\n\r\nGET / HTTP/1.0\r\n\r\n",
        "GET http://h/p HTTP/1.1\r\nHost: h\r\nRange: bytes=0-\r\nA:\tb \r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
      ]
    ) { input in
      let whole = try statuses([input.buffer])
      for status in whole { try require(status != "500", "a request is answered with 500") }
      try requireEqual(whole, try statuses(input.pieces), "answers to requests in one piece and in several")
    }
  ]

  /// The status codes of the answers to what comes in over one connection.
  private static func statuses(_ pieces: [ByteBuffer]) throws -> [String] {
    let loop = EmbeddedEventLoop()
    let channel = EmbeddedChannel(loop: loop)
    let context = HTTPServerContext(
      responder: Echo(), limits: HTTPServerLimits(), refusal: { status, _ in HTTPResponse(status) },
      executors: EventLoopExecutors(loop), logger: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() })
    try channel.pipeline.syncOperations.addHandlers(context.handlers(on: loop))
    channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1), promise: nil)
    loop.run()
    for piece in pieces where channel.isActive {
      channel.pipeline.fireChannelRead(NIOAny(piece))
      channel.pipeline.fireChannelReadComplete()
      loop.run()
    }
    channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    loop.run()
    var answers = ByteBuffer()
    while let out = try channel.readOutbound(as: IOData.self) {
      if case .byteBuffer(let bytes) = out { answers.writeImmutableBuffer(bytes) }
    }
    _ = try? channel.finish(acceptAlreadyClosed: true)
    loop.run()
    return try statuses(in: String(buffer: answers))
  }

  /// Answers have no body here, so that each begins behind an empty line.
  private static func statuses(in answers: String) throws -> [String] {
    try answers.components(separatedBy: "\r\n\r\n").filter { !$0.isEmpty }.map { head in
      let words = head.split(separator: " ", maxSplits: 2)
      try require(words.count == 3 && words[0] == "HTTP/1.1", "an answer begins with '\(head.prefix(40))'")
      return String(words[1])
    }
  }

  /// Reads each body to its end.
  private struct Echo: HTTPResponder {
    func respond(to request: HTTPRequest) async -> HTTPResponse {
      do throws(HTTPBodyError) {
        while try await request.body.next() != nil {}
        _ = QueryParameters(request.query)
        return HTTPResponse(request.body.trailers.isEmpty ? .ok : .accepted)
      } catch {
        return HTTPResponse(.badRequest)
      }
    }
  }
}
