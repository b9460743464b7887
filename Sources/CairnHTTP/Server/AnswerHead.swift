internal import NIOCore
internal import NIOHTTP1

/// How the end of an answer's body is told.
enum AnswerFraming: Equatable {
  case length(UInt64)
  /// Chunked, or for HTTP/1.0 the end of the connection.
  case unknown
}

/// Status line and headers of an answer, as bytes.
///
/// We frame answers ourselves: SwiftNIO's encoder adds a chunked end to answers without a body. Into an array, because
/// each write to a `ByteBuffer` costs the checks of a buffer that may be shared.
struct AnswerHead {
  private(set) var bytes: [UInt8] = []

  init(
    _ response: HTTPResponse, requestID: String, date: String, framing: AnswerFraming, keepAlive: Bool,
    isVersion10: Bool
  ) {
    bytes.reserveCapacity(512)
    write("HTTP/1.1 ")
    write(String(response.status.code))
    write(" ")
    write(response.status.reasonPhrase)
    write("\r\n")
    for (name, value) in response.headers {
      writeHeader(name, value)
    }
    switch framing {
    case _ where response.status == .noContent || response.status == .notModified: break
    case .length(let length): writeHeader("Content-Length", String(length))
    case .unknown where !isVersion10: write("Transfer-Encoding: chunked\r\n")
    case .unknown: break
    }
    writeHeader("Date", date)
    writeHeader("X-Request-Id", requestID)
    if !keepAlive {
      write("Connection: close\r\n")
    } else if isVersion10 {
      write("Connection: keep-alive\r\n")
    }
    write("\r\n")
  }

  private mutating func writeHeader(_ name: String, _ value: String) {
    write(name)
    write(": ")
    let start = bytes.count
    write(value)
    let end = bytes.count
    // A line break in a value would end the header section: values may come from what clients once stored.
    bytes.withUnsafeMutableBufferPointer { bytes in
      for index in start..<end where bytes[index] < 0x20 && bytes[index] != 0x09 { bytes[index] = 0x20 }
    }
    write("\r\n")
  }

  private mutating func write(_ text: String) {
    var text = text
    text.withUTF8 { bytes.append(contentsOf: $0) }
  }
}
