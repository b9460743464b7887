import Glibc
import Synchronization

/// A real `redis-server` for tests, on a free port of 127.0.0.1 and on a Unix socket.
///
/// It can be stopped, killed, frozen and started again at the same place, and never outlives the tests.
package final class RedisServer: Sendable {
  package struct Options: Sendable {
    package var password: String?
    /// Keeps what was written over a restart, synced with each command.
    package var appendOnly = false
    /// More arguments of `redis-server`.
    package var arguments: [String] = []
    /// A program and its arguments that start it in their own way.
    package var launcher: [String] = []
    /// nil for a free one.
    package var port: Int?

    package init(password: String? = nil, appendOnly: Bool = false, arguments: [String] = []) {
      self.password = password
      self.appendOnly = appendOnly
      self.arguments = arguments
    }
  }

  package struct StartError: Error, CustomStringConvertible {
    package let description: String
  }

  package let port: Int
  package let options: Options
  private let folder: TemporaryFolder
  private let process: Mutex<GuardedProcess>

  package var socketPath: String { folder.path + "/redis.sock" }
  package var logPath: String { folder.path + "/redis.log" }

  /// Starts a server and waits until it answers.
  package init(_ options: Options = Options()) async throws {
    folder = try TemporaryFolder("redis")
    self.options = options
    // Between finding a free port and using it somebody else may take it.
    var attempt = 1
    while true {
      let port = try options.port ?? Self.freePort()
      let process = try Self.launch(port: port, options: options, folder: folder.path)
      do {
        try await Self.waitUntilReady(process, port: port, folder: folder.path)
        self.port = port
        self.process = Mutex(process)
        return
      } catch  where attempt < 5 {
        attempt += 1
      }
    }
  }

  /// Ends it in order, and waits for its end.
  package func stop() async throws {
    let process = process.withLock { $0 }
    process.signal(SIGCONT)
    process.signal(SIGTERM)
    try await process.waitUntilEnded()
  }

  /// Ends it as a crash would, and waits for its end.
  package func kill() async throws {
    let process = process.withLock { $0 }
    process.signal(SIGKILL)
    try await process.waitUntilEnded()
  }

  /// Starts it again at the same place after ``stop()`` or ``kill()``, and waits until it answers.
  package func restart() async throws {
    guard process.withLock({ $0 }).hasEnded else { throw StartError(description: "redis-server is still running") }
    let next = try Self.launch(port: port, options: options, folder: folder.path)
    try await Self.waitUntilReady(next, port: port, folder: folder.path)
    process.withLock { $0 = next }
  }

  /// It keeps its connections, and answers nothing.
  package func freeze() { process.withLock { $0 }.signal(SIGSTOP) }

  package func thaw() { process.withLock { $0 }.signal(SIGCONT) }

  /// Sends one command over a connection of its own.
  ///
  /// - Returns: the bytes of the answer as text, up to 64 KiB, in the Redis protocol, without the last line end.
  @discardableResult
  package func command(_ arguments: String...) throws -> String { try command(arguments) }

  @discardableResult
  package func command(_ arguments: [String]) throws -> String {
    var request = ""
    if let password = options.password { request += Self.encode(["AUTH", password]) }
    request += Self.encode(arguments)
    return try Self.converse(port: port, request, replies: options.password == nil ? 1 : 2)
  }

  // MARK: Shared

  private static let sharedTask = Task { try await RedisServer() }

  /// One server for all tests of this process that don't harm it: give each a key prefix of its own.
  package static func shared() async throws -> RedisServer {
    try await sharedTask.value
  }

  // MARK: Start

  private static func launch(port: Int, options: Options, folder: String) throws -> GuardedProcess {
    var arguments = [
      "--port", "\(port)", "--bind", "127.0.0.1", "--unixsocket", "\(folder)/redis.sock", "--dir", folder,
      "--daemonize", "no", "--save", "", "--appendonly", options.appendOnly ? "yes" : "no", "--appendfsync", "always",
    ]
    if let password = options.password { arguments += ["--requirepass", password] }
    arguments += options.arguments
    let command = options.launcher + ["redis-server"] + arguments
    return try GuardedProcess(command[0], Array(command.dropFirst()), output: "\(folder)/redis.log", directory: folder)
  }

  private static func waitUntilReady(_ process: GuardedProcess, port: Int, folder: String) async throws {
    let clock = ContinuousClock()
    let deadline = clock.now + .seconds(20)
    while clock.now < deadline {
      if process.hasEnded { throw StartError(description: "redis-server ended at once, see \(folder)/redis.log") }
      // A server that wants a password answers that it does.
      if let answer = try? converse(port: port, encode(["PING"]), replies: 1),
        answer == "+PONG" || answer.hasPrefix("-NOAUTH")
      {
        return
      }
      try await Task.sleep(for: .milliseconds(10))
    }
    throw StartError(description: "redis-server doesn't answer on port \(port), see \(folder)/redis.log")
  }

  /// A port that nobody listens on now.
  package static func freePort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
    guard descriptor >= 0 else { throw StartError(description: "no socket: errno \(errno)") }
    defer { close(descriptor) }
    var address = loopback(port: 0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
      }
    }
    guard bound else { throw StartError(description: "no free port: errno \(errno)") }
    return Int(UInt16(bigEndian: address.sin_port))
  }

  private static func loopback(port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port)).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    return address
  }

  // MARK: Commands

  private static func encode(_ arguments: [String]) -> String {
    arguments.reduce(into: "*\(arguments.count)\r\n") { $0 += "$\($1.utf8.count)\r\n\($1)\r\n" }
  }

  /// The last of `replies` answers to `request`.
  private static func converse(port: Int, _ request: String, replies: Int) throws -> String {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
    guard descriptor >= 0 else { throw StartError(description: "no socket: errno \(errno)") }
    defer { close(descriptor) }
    var address = loopback(port: port)
    let connected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
    guard connected else { throw StartError(description: "no connection to port \(port): errno \(errno)") }
    var patience = timeval(tv_sec: 5, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    // Redis closes after QUIT, so that the end of the answers needs no parser.
    var bytes = Array((request + encode(["QUIT"])).utf8)
    guard send(descriptor, &bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
      throw StartError(description: "port \(port) took no command: errno \(errno)")
    }
    var answer: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while answer.count < 65_536 {
      let count = recv(descriptor, &chunk, chunk.count, 0)
      guard count > 0 else { break }
      answer += chunk[..<count]
    }
    let ok = Array("+OK\r\n".utf8)
    var rest = answer[...]
    if rest.reversed().starts(with: ok.reversed()) { rest = rest.dropLast(ok.count) }
    for _ in 1..<replies where rest.starts(with: ok) { rest = rest.dropFirst(ok.count) }
    return String(decoding: rest.dropLast(2), as: UTF8.self)
  }
}
