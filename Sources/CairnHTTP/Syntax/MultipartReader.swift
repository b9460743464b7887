package import NIOCore
internal import NIOHTTP1

/// Pulls the parts of a multipart body, and the bytes of each, out of a request. Used by one task.
package final class MultipartReader: @unchecked Sendable {
  private let body: HTTPRequestBody
  private var parser: MultipartParser
  private var inPart = false
  private var finished = false

  /// - Throws: ``MultipartError`` when the request is not multipart/form-data.
  package init(_ request: HTTPRequest) throws(MultipartError) {
    parser = try MultipartParser(contentType: request.headers.first(name: "content-type"))
    body = request.body
  }

  /// ``HTTPRequestBody/senderNetwork`` of the request.
  package var senderNetwork: String { body.senderNetwork }

  /// The headers of the next part; what is left of the current one is skipped. nil after the last boundary.
  ///
  /// - Throws: ``MultipartError`` or ``HTTPBodyError``.
  package func nextPart() async throws -> MultipartParser.PartHeaders? {
    while try await nextBytes() != nil {}
    while let event = try await nextEvent() {
      if case .partBegan(let headers) = event {
        inPart = true
        return headers
      }
    }
    // What follows the last boundary has no meaning, but it has to be read for the connection's sake.
    while try await body.next() != nil {}
    return nil
  }

  /// The next bytes of the current part; nil at its end.
  ///
  /// - Throws: ``MultipartError`` or ``HTTPBodyError``.
  package func nextBytes() async throws -> ByteBuffer? {
    guard inPart else { return nil }
    if case .partBytes(let bytes) = try await nextEvent() { return bytes }
    inPart = false
    return nil
  }

  private func nextEvent() async throws -> MultipartParser.Event? {
    while !finished {
      if let event = try parser.next() {
        finished = event == .finished
        return finished ? nil : event
      }
      guard let bytes = try await body.next() else {
        try parser.finish()
        break
      }
      parser.feed(bytes)
    }
    return nil
  }
}
