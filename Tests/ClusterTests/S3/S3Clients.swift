import CairnTestSupport
import Foundation
import Testing

/// What real S3 clients get.
@Suite("S3", .serialized) enum S3Suite {}

/// The clients that `scripts/setup --test` puts into the build folder.
enum S3Clients {
  struct Missing: Error, CustomStringConvertible {
    let description = "there are no S3 clients in the build folder: run scripts/setup --test"
  }

  /// Where clients from PyPI are, below the build folder. They don't all go together.
  enum Programs: String {
    case amazon = "python"
    case files = "python-files"
  }

  /// Runs a script that lies beside the tests, and expects it to succeed.
  ///
  /// - Parameters:
  ///   - name: of the script, which is one of Python or of a shell.
  ///   - key: that the client signs with.
  ///   - variables: more of them for its environment.
  /// - Returns: what it printed.
  @discardableResult
  static func run(
    _ name: String, _ arguments: [String], key: PrintedKey? = nil, variables: [String: String] = [:],
    with programs: Programs = .amazon, file: String = #filePath, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> String {
    let script = URL(fileURLWithPath: file).deletingLastPathComponent().appendingPathComponent(name).path
    let python = try python(programs)
    let programs = URL(fileURLWithPath: python).deletingLastPathComponent().path
    var environment = [
      "PATH=\(programs):/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8", "AWS_EC2_METADATA_DISABLED=true",
    ]
    if let key { environment += ["AWS_ACCESS_KEY_ID=\(key.id)", "AWS_SECRET_ACCESS_KEY=\(key.secret)"] }
    environment += variables.map { "\($0)=\($1)" }
    let result = try await ShortProcess.run(
      name.hasSuffix(".py") ? python : "/bin/bash", [script] + arguments, environment: environment)
    #expect(result.exitCode == 0, "\(result.output)", sourceLocation: sourceLocation)
    return result.output
  }

  /// Runs a client's script against a server of its own: with the server's first key as the client's, and with two others
  /// in its environment that are for the bucket `attic` only, `WRITER_ID` and `WRITER_SECRET` to read and write, `READER_ID` and
  /// `READER_SECRET` to read.
  static func runWithThreeKeys(
    _ name: String, _ arguments: String..., with programs: Programs = .amazon,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let first = PrintedKey(id: "first-key", secret: "correct/horse+battery")
    let server = try await CairnProcess.server(first.settings)
    let port = try #require(server.s3Port, "\(server.log)", sourceLocation: sourceLocation)
    let address = ["CAIRN_SERVER": "http://127.0.0.1:\(server.port)"]
    var variables: [String: String] = [:]
    for (name, permissions) in [("WRITER", ["read", "write"]), ("READER", ["read"])] {
      let made = try await CairnProcess.run(["key", "create"], address)
      let key = try #require(PrintedKey(made.output), "\(made.output)", sourceLocation: sourceLocation)
      let allowed = try await CairnProcess.run(["key", "allow", key.id, "attic"] + permissions, address)
      try #require(allowed.exitCode == 0, "\(allowed.output)", sourceLocation: sourceLocation)
      variables["\(name)_ID"] = key.id
      variables["\(name)_SECRET"] = key.secret
    }
    try await run(
      name, ["\(port)", server.folder.path] + arguments, key: first, variables: variables, with: programs,
      sourceLocation: sourceLocation)
    try await server.stopInOrder(sourceLocation: sourceLocation)
  }

  /// The interpreter that has the clients from PyPI.
  private static func python(_ programs: Programs) throws -> String {
    var folder = URL(fileURLWithPath: CairnProcess.program)
    while folder.path != "/" {
      folder.deleteLastPathComponent()
      let python = folder.appendingPathComponent(programs.rawValue + "/bin/python3").path
      if FileManager.default.isExecutableFile(atPath: python) { return python }
    }
    throw Missing()
  }
}
