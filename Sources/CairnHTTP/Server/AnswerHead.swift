internal import NIOCore
internal import NIOHTTP1

/// How the end of an answer's body is told.
enum AnswerFraming: Equatable {
  case length(UInt64)
  /// Chunked, or for HTTP/1.0 the end of the connection.
  case unknown
}

extension ByteBuffer {
  /// Appends status line and headers of an answer.
  ///
  /// We frame answers ourselves: SwiftNIO's encoder adds a chunked end to answers without a body.
  mutating func writeAnswerHead(
    _ response: HTTPResponse, requestID: String, date: String, framing: AnswerFraming, keepAlive: Bool,
    isVersion10: Bool
  ) {
    writeStaticString("HTTP/1.1 ")
    writeString(String(response.status.code))
    writeStaticString(" ")
    writeString(response.status.reasonPhrase)
    writeStaticString("\r\n")
    for (name, value) in response.headers {
      writeHeader(name, value)
    }
    switch framing {
    case _ where response.status == .noContent || response.status == .notModified: break
    case .length(let length): writeHeader("Content-Length", String(length))
    case .unknown where !isVersion10: writeStaticString("Transfer-Encoding: chunked\r\n")
    case .unknown: break
    }
    writeHeader("Date", date)
    writeHeader("X-Request-Id", requestID)
    if !keepAlive {
      writeStaticString("Connection: close\r\n")
    } else if isVersion10 {
      writeStaticString("Connection: keep-alive\r\n")
    }
    writeStaticString("\r\n")
  }

  private mutating func writeHeader(_ name: String, _ value: String) {
    writeString(name)
    writeStaticString(": ")
    let start = readableBytes
    writeString(value)
    // A line break in a value would end the header section: values may come from what clients once stored.
    withUnsafeMutableReadableBytes { bytes in
      for index in bytes.indices.dropFirst(start) where bytes[index] < 0x20 && bytes[index] != 0x09 {
        bytes[index] = 0x20
      }
    }
    writeStaticString("\r\n")
  }
}
