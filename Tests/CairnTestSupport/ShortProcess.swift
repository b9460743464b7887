import Foundation

/// A program that ends by itself, such as `curl` or `sha256sum`.
package enum ShortProcess {
  package struct Result: Sendable {
    /// Or minus the signal that ended it.
    package let exitCode: Int32
    /// Standard output and standard error together.
    package let output: String
  }

  /// Runs it to its end.
  ///
  /// - Parameter environment: `NAME=value`; nil for this process's own.
  package static func run(
    _ executable: String, _ arguments: [String], environment: [String]? = nil, input: String = "/dev/null"
  ) async throws -> Result {
    let folder = try TemporaryFolder("run")
    let output = folder.path + "/output"
    let pid = try GuardedProcess.spawn(executable, arguments, environment: environment) { actions in
      posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
      posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o644)
      posix_spawn_file_actions_adddup2(&actions, 1, 2)
    }
    var isReaped = false
    defer {
      // Only where the test was cancelled.
      if !isReaped {
        kill(pid, SIGKILL)
        waitpid(pid, nil, 0)
      }
    }
    var status: Int32 = 0
    while waitpid(pid, &status, WNOHANG) != pid { try await Task.sleep(for: .milliseconds(2)) }
    isReaped = true
    let text = String(decoding: FileManager.default.contents(atPath: output) ?? Data(), as: UTF8.self)
    return Result(exitCode: status & 0x7F == 0 ? status >> 8 & 0xFF : -(status & 0x7F), output: text)
  }

  /// What `sha256sum` or `md5sum` say of a file.
  package static func checksum(_ program: String, of path: String) async throws -> String {
    let result = try await run(program, [path])
    guard result.exitCode == 0, let digits = result.output.split(separator: " ").first else {
      throw NotInTime(description: "\(program): \(result.output)")
    }
    return String(digits)
  }
}
