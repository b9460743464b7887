import Foundation

/// A client in Python, from `Tests/Clients`.
package enum PythonClient {
  private static let folder: String = {
    let tests = ((#filePath as NSString).deletingLastPathComponent as NSString).deletingLastPathComponent
    return tests + "/Clients"
  }()

  /// Runs `name.py` with arguments, and the server's address as the last one.
  package static func run(_ name: String, _ arguments: String..., port: Int) async throws -> ShortProcess.Result {
    let variables = ["PATH=\(Environment.variable("PATH") ?? "/usr/bin:/bin")", "PYTHONDONTWRITEBYTECODE=1"]
    return try await ShortProcess.run(
      "python3", ["\(folder)/\(name).py"] + arguments + ["http://127.0.0.1:\(port)"], environment: variables)
  }
}
