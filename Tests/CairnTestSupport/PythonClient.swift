import Foundation

/// A client in Python, from `Tests/Clients`.
package enum PythonClient {
  private static let tests: String = {
    ((#filePath as NSString).deletingLastPathComponent as NSString).deletingLastPathComponent
  }()
  private static let folder = tests + "/Clients"
  /// Where `scripts/setup --test` has put programs from PyPI.
  private static let programs = (tests as NSString).deletingLastPathComponent + "/.build/python/bin"
  private static let variables = [
    "PATH=\(Environment.variable("PATH") ?? "/usr/bin:/bin")", "PYTHONDONTWRITEBYTECODE=1",
  ]

  /// Runs `name.py` with arguments, and the server's address as the last one.
  package static func run(_ name: String, _ arguments: String..., port: Int) async throws -> ShortProcess.Result {
    return try await ShortProcess.run(
      "python3", ["\(folder)/\(name).py"] + arguments + ["http://127.0.0.1:\(port)"], environment: variables)
  }

  /// Tests a server by its own description.
  ///
  /// - Parameters:
  ///   - arguments: besides the settings in `schemathesis.toml`.
  ///   - directory: where it may leave files.
  package static func schemathesis(
    _ arguments: [String], port: Int, directory: String
  ) async throws -> ShortProcess.Result {
    let program = programs + "/schemathesis"
    guard FileManager.default.isExecutableFile(atPath: program) else {
      throw NotInTime(description: "\(program) is missing: run `scripts/setup --test`")
    }
    let all =
      ["--config-file", folder + "/schemathesis.toml", "run", "http://127.0.0.1:\(port)/openapi.json", "--no-color"]
      + arguments
    return try await ShortProcess.run(
      program, all, environment: variables + ["HOME=\(directory)", "HYPOTHESIS_STORAGE_DIRECTORY=\(directory)"])
  }
}
