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
/// We frame answers ourselves: SwiftNIO's encoder adds a chunked end to answers without a body. Into memory that was
/// reckoned beforehand: each write to an array or a `ByteBuffer` costs the checks of one that may be shared or full.
struct AnswerHead {
  let response: HTTPResponse
  let requestID: String
  let date: String
  let framing: AnswerFraming
  let keepAlive: Bool
  let isVersion10: Bool

  /// The head, and `body` behind it.
  func bytes(with body: ByteBuffer?) -> ByteBuffer {
    let bodyLength = body?.readableBytes ?? 0
    var bytes = ByteBuffer()
    bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: lengthMax + bodyLength) { space in
      var writer = Writer(space: space)
      write(to: &writer)
      body?.withUnsafeReadableBytes { writer.write($0) }
      return writer.end
    }
    return bytes
  }

  /// Bytes that the head has at most.
  private var lengthMax: Int {
    // The longest lines that are the same in all answers.
    let fixed = 256
    let own = response.status.reasonPhrase.utf8.count + date.utf8.count + requestID.utf8.count
    return response.headers.reduce(fixed + own) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 }
  }

  private func write(to writer: inout Writer) {
    writer.write("HTTP/1.1 ")
    writer.write(decimal: UInt64(response.status.code))
    writer.write(" ")
    writer.write(response.status.reasonPhrase)
    writer.write("\r\n")
    for (name, value) in response.headers {
      writer.writeHeader(name, value)
    }
    switch framing {
    case _ where response.status == .noContent || response.status == .notModified: break
    case .length(let length):
      writer.write("Content-Length: ")
      writer.write(decimal: length)
      writer.write("\r\n")
    case .unknown where !isVersion10: writer.write("Transfer-Encoding: chunked\r\n")
    case .unknown: break
    }
    // Browsers must not guess from the bytes that something is a page or a script.
    writer.write("X-Content-Type-Options: nosniff\r\nDate: ")
    writer.write(date)
    writer.write("\r\nX-Request-Id: ")
    writer.write(requestID)
    if !keepAlive {
      writer.write("\r\nConnection: close")
    } else if isVersion10 {
      writer.write("\r\nConnection: keep-alive")
    }
    writer.write("\r\n\r\n")
  }

  private struct Writer {
    let space: UnsafeMutableRawBufferPointer
    private(set) var end = 0

    init(space: UnsafeMutableRawBufferPointer) {
      self.space = space
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer) {
      UnsafeMutableRawBufferPointer(rebasing: space[end..<end + bytes.count]).copyMemory(from: bytes)
      end += bytes.count
    }

    mutating func write(_ text: StaticString) {
      text.withUTF8Buffer { write(UnsafeRawBufferPointer($0)) }
    }

    mutating func write(_ text: String) {
      var text = text
      text.withUTF8 { write(UnsafeRawBufferPointer($0)) }
    }

    mutating func write(decimal value: UInt64) {
      if value > 9 { write(decimal: value / 10) }
      space[end] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value % 10)
      end += 1
    }

    mutating func writeHeader(_ name: String, _ value: String) {
      write(name)
      write(": ")
      let start = end
      write(value)
      // A line break in a value would end the header section: values may come from what clients once stored.
      for index in start..<end where space[index] < 0x20 && space[index] != 0x09 { space[index] = 0x20 }
      write("\r\n")
    }
  }
}
