package import Glibc
import Synchronization

/// A child process that does not outlive the tests, even when they are killed: a watchdog waits for the end of a
/// connection that only this process holds open.
package final class GuardedProcess: Sendable {
  package let pid: pid_t

  private struct State {
    var status: Int32?
    var watchdog: pid_t
    var connection: Int32
  }

  private let state: Mutex<State>

  package struct SpawnError: Error, CustomStringConvertible {
    package let executable: String
    package let code: Int32

    package var description: String { "cannot start \(executable): \(String(cString: strerror(code)))" }
  }

  /// - Parameters:
  ///   - executable: a path, or a name to be found on PATH.
  ///   - environment: `NAME=value`; nil for this process's own.
  ///   - output: the file that gets standard output and standard error, appended.
  ///   - directory: removed by the watchdog when this process is killed.
  package init(
    _ executable: String, _ arguments: [String], environment: [String]? = nil, output: String, directory: String
  ) throws {
    pid = try Self.spawn(executable, arguments, environment: environment) { actions in
      posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
      posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o644)
      posix_spawn_file_actions_adddup2(&actions, 1, 2)
    }
    var ends: [Int32] = [0, 0]
    guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0, &ends) == 0 else {
      let code = errno
      Glibc.kill(pid, SIGKILL)
      throw SpawnError(executable: "a watchdog", code: code)
    }
    let script = "read -r _; kill -9 \"$1\" 2>/dev/null; rm -rf -- \"$2\""
    let watchdog = try Self.spawn("/bin/sh", ["-c", script, "watchdog", "\(pid)", directory], environment: nil) {
      posix_spawn_file_actions_adddup2(&$0, ends[0], 0)
      posix_spawn_file_actions_addopen(&$0, 1, "/dev/null", O_WRONLY, 0)
      posix_spawn_file_actions_addopen(&$0, 2, "/dev/null", O_WRONLY, 0)
    }
    close(ends[0])
    let state = State(status: nil, watchdog: watchdog, connection: ends[1])
    self.state = Mutex(state)
    Self.atExit.register(pid, state)
  }

  deinit {
    guard !hasEnded else { return }
    Glibc.kill(pid, SIGKILL)
    var status: Int32 = 0
    waitpid(pid, &status, 0)
    state.withLock { Self.dismiss(&$0) }
  }

  package func signal(_ signal: Int32) {
    guard !hasEnded else { return }
    Glibc.kill(pid, signal)
  }

  /// Whether the process has ended; if so it is reaped.
  package var hasEnded: Bool {
    state.withLock { state in
      guard state.status == nil else { return true }
      var status: Int32 = 0
      guard waitpid(pid, &status, WNOHANG) == pid else { return false }
      state.status = status
      Self.dismiss(&state)
      return true
    }
  }

  /// Waits until the process has ended.
  ///
  /// - Returns: its exit code, or minus the signal that ended it.
  @discardableResult
  package func waitUntilEnded() async throws -> Int32 {
    while !hasEnded { try await Task.sleep(for: .milliseconds(5)) }
    let status = state.withLock { $0.status } ?? 0
    return status & 0x7F == 0 ? status >> 8 & 0xFF : -(status & 0x7F)
  }

  /// The pid may belong to another process from now on.
  private static func dismiss(_ state: inout State) {
    atExit.forget(watchdog: state.watchdog)
    Glibc.kill(state.watchdog, SIGKILL)
    var status: Int32 = 0
    waitpid(state.watchdog, &status, 0)
    close(state.connection)
  }

  /// Ends and reaps what still lives when the tests end in order; for all other ends there are the watchdogs.
  private final class AtExit: Sendable {
    private let living = Mutex<[pid_t: (pid: pid_t, connection: Int32)]>([:])

    init() {
      atexit { GuardedProcess.atExit.endAll() }
    }

    func register(_ pid: pid_t, _ state: State) {
      living.withLock { $0[state.watchdog] = (pid, state.connection) }
    }

    func forget(watchdog: pid_t) {
      living.withLock { _ = $0.removeValue(forKey: watchdog) }
    }

    private func endAll() {
      for (watchdog, process) in living.withLock({ $0 }) {
        var status: Int32 = 0
        Glibc.kill(process.pid, SIGKILL)
        waitpid(process.pid, &status, 0)
        // Its directory is left to the watchdog.
        close(process.connection)
        waitpid(watchdog, &status, 0)
      }
    }
  }

  private static let atExit = AtExit()

  static func spawn(
    _ executable: String, _ arguments: [String], environment: [String]?,
    files: (inout posix_spawn_file_actions_t) -> Void
  ) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    files(&actions)
    // Not everything in this process closes its files by itself at exec; sockets of SwiftNIO don't.
    guard let symbol = dlsym(nil, "posix_spawn_file_actions_addclosefrom_np") else {
      throw SpawnError(executable: executable, code: ENOSYS)
    }
    typealias AddCloseFrom = @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, Int32) -> Int32
    _ = unsafeBitCast(symbol, to: AddCloseFrom.self)(&actions, 3)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // Groups of their own, so that Ctrl-C reaches only the tests and the watchdog can do its work; and no signal
    // blocked, as all are on the threads that tasks run on.
    var unblocked = sigset_t()
    sigemptyset(&unblocked)
    posix_spawnattr_setsigmask(&attributes, &unblocked)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
    var arguments: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var own: [UnsafeMutablePointer<CChar>?] = (environment ?? []).map { strdup($0) } + [nil]
    defer { for variable in own { free(variable) } }
    var pid: pid_t = 0
    let code =
      environment == nil
      ? posix_spawnp(&pid, executable, &actions, &attributes, &arguments, environ)
      : posix_spawnp(&pid, executable, &actions, &attributes, &arguments, &own)
    guard code == 0 else { throw SpawnError(executable: executable, code: code) }
    return pid
  }
}
