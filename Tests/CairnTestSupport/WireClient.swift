import Glibc

/// What came back for one request.
package struct WireAnswer: Sendable {
  package let status: Int
  /// Names in lower case.
  package let headers: [String: String]
  package let body: [UInt8]
}

/// One HTTP connection over blocking calls, with nothing of Cairn's own HTTP in it: load in tests costs little, and it
/// is known how far a request came when the connection breaks. For one thread at a time.
package final class WireClient {
  package enum Failure: Error, CustomStringConvertible {
    /// No byte of the answer came.
    case unanswered(String)
    /// The answer broke off.
    case cutShort(String)

    package var description: String {
      switch self {
      case .unanswered(let reason): "no answer: \(reason)"
      case .cutShort(let reason): "the answer broke off: \(reason)"
      }
    }
  }

  private let descriptor: Int32
  private var received: [UInt8] = []

  /// - Parameter patience: for each system call, in seconds.
  package init(port: Int, patience: Int = 30) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
    guard descriptor >= 0 else { throw Failure.unanswered("no socket: errno \(errno)") }
    var limit = timeval(tv_sec: patience, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port)).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    let connected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    // The descriptor is closed by `deinit`: everything is initialised. To close it here as well would close somebody
    // else's.
    guard connected else { throw Failure.unanswered("connect: \(String(cString: strerror(errno)))") }
  }

  deinit { close(descriptor) }

  /// Sends a request and reads the whole answer. The connection can be used again afterwards.
  package func request(
    _ method: String, _ path: String, host: String = "127.0.0.1", headers: [String] = [], body: ArraySlice<UInt8> = []
  ) throws(Failure) -> WireAnswer {
    let needsLength = !body.isEmpty || method == "PUT" || method == "POST"
    let lines =
      ["\(method) \(path) HTTP/1.1", "Host: \(host)"] + headers
      + (needsLength ? ["Content-Length: \(body.count)"] : [])
    try send(Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)[...])
    try send(body)
    return try readAnswer(isHead: method == "HEAD")
  }

  /// Sends bytes as they are.
  package func send(_ bytes: ArraySlice<UInt8>) throws(Failure) {
    var sent = 0
    while sent < bytes.count {
      let result = bytes.withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress?.advanced(by: sent), $0.count - sent, Int32(MSG_NOSIGNAL))
      }
      guard result > 0 else { throw .unanswered("send: \(String(cString: strerror(errno)))") }
      sent += result
    }
  }

  package func readAnswer(isHead: Bool = false) throws(Failure) -> WireAnswer {
    var isAnswered = !received.isEmpty
    var chunk = [UInt8](repeating: 0, count: 256 << 10)
    func more() throws(Failure) {
      let count = recv(descriptor, &chunk, chunk.count, 0)
      guard count > 0 else {
        let reason = count == 0 ? "closed" : String(cString: strerror(errno))
        throw isAnswered ? .cutShort(reason) : .unanswered(reason)
      }
      isAnswered = true
      received += chunk[..<count]
    }
    let end = Array("\r\n\r\n".utf8)
    var headLength: Int?
    while headLength == nil {
      headLength =
        received.count < 4 ? nil : (0...received.count - 4).first { received[$0..<$0 + 4].elementsEqual(end) }
      if headLength == nil { try more() }
    }
    let bodyStart = (headLength ?? 0) + 4
    let lines = String(decoding: received[..<(bodyStart - 4)], as: UTF8.self).split(separator: "\r\n")
    let words = (lines.first ?? "").split(separator: " ")
    guard words.count >= 2, let status = Int(words[1]) else { throw .cutShort("not HTTP: \(lines.first ?? "")") }
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      headers[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].drop { $0 == " " })
    }
    let hasNoBody = isHead || status == 204 || status == 304 || status < 200
    let length = hasNoBody ? 0 : headers["content-length"].flatMap { Int($0) } ?? 0
    received.reserveCapacity(bodyStart + length)
    while received.count < bodyStart + length { try more() }
    let body = Array(received[bodyStart..<bodyStart + length])
    received.removeFirst(bodyStart + length)
    // What comes before the answer proper is of no interest here.
    return status < 200 ? try readAnswer(isHead: isHead) : WireAnswer(status: status, headers: headers, body: body)
  }
}
