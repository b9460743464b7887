import Foundation
import Synchronization

/// A real `cairn server`, `coordinator`, `node` or `replicator`, which never outlives the tests.
///
/// It listens on a free port of 127.0.0.1, and keeps port and storage folder when it is started again.
package final class CairnProcess: Sendable {
  package enum Role: String, Sendable {
    case server, coordinator, node, replicator
  }

  /// Why it does not run, with what it printed.
  package struct StartError: Error, CustomStringConvertible {
    /// nil where it had to be killed.
    package let exitCode: Int32?
    package let output: String

    package var description: String {
      "cairn did not start (exit code \(exitCode.map { "\($0)" } ?? "none")): \(output)"
    }
  }

  package let role: Role
  package let folder: TemporaryFolder
  private let launcher: [String]
  private let state: Mutex<State>

  private struct State {
    var process: GuardedProcess
    var port: Int
    var environment: [String: String]
  }

  /// The program that was built with the tests.
  package static let program: String = {
    let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
    return (tests as NSString).deletingLastPathComponent + "/cairn"
  }()

  /// Starts it, and waits until it answers `/health`.
  ///
  /// - Parameters:
  ///   - environment: settings; the storage path is `storagePath` where it isn't among them.
  ///   - folder: holds the storage path and the log; a new one by default.
  ///   - launcher: a program and its arguments that start the one that follows in their own way.
  /// - Throws: ``StartError``.
  package init(
    _ role: Role, _ environment: [String: String] = [:], folder: TemporaryFolder? = nil, launcher: [String] = []
  ) async throws {
    let folder = try folder ?? TemporaryFolder(role.rawValue)
    let (process, port) = try await Self.start(role, environment, port: 0, folder: folder.path, launcher: launcher)
    self.role = role
    self.folder = folder
    self.launcher = launcher
    state = Mutex(State(process: process, port: port, environment: environment))
  }

  package var port: Int { state.withLock { $0.port } }
  package var pid: Int32 { state.withLock { $0.process.pid } }
  package var hasEnded: Bool { state.withLock { $0.process.hasEnded } }
  package var storagePath: String { Self.storagePath(folder.path) }
  /// What it logged, over all its starts.
  package var log: String { Self.log(role, folder.path) }

  /// What its log tells of the first crash, over all its starts: the reason, and the calls that led there.
  package var crash: String? {
    let log = log
    let begin = ["Fatal error", "Precondition failed", "*** Signal"].compactMap { log.range(of: $0)?.lowerBound }.min()
    return begin.map { String(log[log.lineRange(for: $0..<$0).lowerBound...].prefix(8000)) }
  }

  /// Where it listens for S3 clients since its last start; nil where it doesn't.
  package var s3Port: Int? { Self.port(in: log, of: "listening for S3") }

  /// For the port that it has now.
  package func curl(timeoutSeconds: Int = 120) throws -> Curl {
    try Curl(port: port, of: self, timeoutSeconds: timeoutSeconds)
  }

  package func signal(_ signal: Int32) { state.withLock { $0.process }.signal(signal) }

  /// Ends it as a crash would, and waits for its end.
  package func kill() async throws {
    let process = state.withLock { $0.process }
    process.signal(SIGKILL)
    try await process.waitUntilEnded()
  }

  /// Ends it in order.
  ///
  /// - Returns: its exit code.
  package func stop() async throws -> Int32 {
    signal(SIGTERM)
    return try await waitUntilEnded()
  }

  package func waitUntilEnded() async throws -> Int32 {
    try await state.withLock { $0.process }.waitUntilEnded()
  }

  /// Starts it again on its storage path after its end.
  ///
  /// - Parameters:
  ///   - changes: settings that are different now.
  ///   - samePort: false for another port.
  package func restart(_ changes: [String: String] = [:], samePort: Bool = true) async throws {
    let (environment, port) = state.withLock { state in
      state.environment.merge(changes) { $1 }
      return (state.environment, samePort ? state.port : 0)
    }
    let (process, listening) = try await Self.start(
      role, environment, port: port, folder: folder.path, launcher: launcher)
    state.withLock { state in
      state.process = process
      state.port = listening
    }
  }

  /// A figure from `/proc/PID/status`, such as `VmHWM`, in KiB.
  package func memoryKiB(_ field: String) throws -> Int {
    let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
    for line in status.split(separator: "\n") where line.hasPrefix(field + ":") {
      if let number = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first {
        return Int(number) ?? 0
      }
    }
    throw NotInTime(description: "/proc/\(pid)/status has no \(field)")
  }

  /// Runs `cairn` with arguments to its end, with these settings and no others.
  package static func run(
    _ arguments: [String], _ environment: [String: String] = [:]
  ) async throws -> ShortProcess.Result {
    try await ShortProcess.run(program, arguments, environment: variables(environment))
  }

  // MARK: Start

  private static func storagePath(_ folder: String) -> String { folder + "/data" }

  /// A process that crashes says in its log where.
  private static let backtrace =
    "enable=yes,color=no,interactive=no,output-to=stderr,threads=crashed,registers=none,images=none"

  private static func logPath(_ role: Role, _ folder: String) -> String { "\(folder)/\(role.rawValue).log" }

  private static func log(_ role: Role, _ folder: String) -> String {
    String(decoding: FileManager.default.contents(atPath: logPath(role, folder)) ?? Data(), as: UTF8.self)
  }

  private static func variables(_ settings: [String: String]) -> [String] {
    (["PATH": Environment.variable("PATH") ?? "/usr/bin:/bin"].merging(settings) { $1 }).map { "\($0)=\($1)" }
  }

  private static func start(
    _ role: Role, _ settings: [String: String], port: Int, folder: String, launcher: [String]
  ) async throws -> (GuardedProcess, port: Int) {
    let defaults = [
      "BASE_STORAGE_PATH": storagePath(folder), "PORT": "\(port)", "MIN_FREE_SPACE": "16M", "S3_PORT": "0",
      "SWIFT_BACKTRACE": backtrace,
    ]
    let environment = variables(defaults.merging(settings) { $1 })
    let command = launcher + [program, role.rawValue]
    var attempt = 1
    while true {
      let before = log(role, folder).utf8.count
      let process = try GuardedProcess(
        command[0], Array(command.dropFirst()), environment: environment, output: logPath(role, folder),
        directory: folder)
      func printed() -> String { String(decoding: log(role, folder).utf8.dropFirst(before), as: UTF8.self) }
      do {
        return (process, try await waitUntilListening(role, process, printed))
      } catch let error as StartError where attempt < 5 && error.output.contains("cannot listen") {
        // While it was down, its port went to some connection for a moment.
        attempt += 1
        try await Task.sleep(for: .milliseconds(100))
      }
    }
  }

  private static func waitUntilListening(
    _ role: Role, _ process: GuardedProcess, _ printed: () -> String
  ) async throws -> Int {
    let deadline = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < deadline {
      let hasEnded = process.hasEnded
      let output = printed()
      if let port = listeningPort(role, output), await isHealthy(port) { return port }
      if hasEnded { throw StartError(exitCode: try await process.waitUntilEnded(), output: output) }
      try await Task.sleep(for: .milliseconds(10))
    }
    process.signal(SIGKILL)
    try await process.waitUntilEnded()
    throw StartError(exitCode: nil, output: "not healthy after 60 s: \(printed())")
  }

  private static func listeningPort(_ role: Role, _ output: String) -> Int? {
    for line in output.split(separator: "\n") where line.contains("\"message\":\"listening\"") {
      // A peer's storage node has a port of its own besides that for clients.
      guard role == .node || !line.contains("\"advertised\"") else { continue }
      let entry = (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any]
      if let address = entry?["address"] as? String, let colon = address.lastIndex(of: ":") {
        return Int(address[address.index(after: colon)...])
      }
    }
    return nil
  }

  /// The port in the last entry of the log with this message.
  private static func port(in log: String, of message: String) -> Int? {
    for line in log.split(separator: "\n").reversed() where line.contains("\"message\":\"\(message)\"") {
      let entry = (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any]
      if let address = entry?["address"] as? String, let colon = address.lastIndex(of: ":") {
        return Int(address[address.index(after: colon)...])
      }
    }
    return nil
  }

  private static func isHealthy(_ port: Int) async -> Bool {
    let answer = try? await BlockingThreads.run { try WireClient(port: port, patience: 5).request("GET", "/health") }
    return answer?.status == 200
  }
}
