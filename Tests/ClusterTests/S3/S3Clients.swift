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

  /// Runs a script that lies beside the tests, and expects it to succeed.
  ///
  /// - Parameters:
  ///   - name: of the script, which is one of Python or of a shell.
  ///   - key: that the client signs with.
  /// - Returns: what it printed.
  @discardableResult
  static func run(
    _ name: String, _ arguments: [String], key: PrintedKey? = nil, file: String = #filePath,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> String {
    let script = URL(fileURLWithPath: file).deletingLastPathComponent().appendingPathComponent(name).path
    let python = try python
    let programs = URL(fileURLWithPath: python).deletingLastPathComponent().path
    var environment = ["PATH=\(programs):/usr/bin:/bin", "LC_ALL=C.UTF-8", "AWS_EC2_METADATA_DISABLED=true"]
    if let key { environment += ["AWS_ACCESS_KEY_ID=\(key.id)", "AWS_SECRET_ACCESS_KEY=\(key.secret)"] }
    let result = try await ShortProcess.run(
      name.hasSuffix(".py") ? python : "/bin/bash", [script] + arguments, environment: environment)
    #expect(result.exitCode == 0, "\(result.output)", sourceLocation: sourceLocation)
    return result.output
  }

  /// The interpreter that has the clients from PyPI.
  private static var python: String {
    get throws {
      var folder = URL(fileURLWithPath: CairnProcess.program)
      while folder.path != "/" {
        folder.deleteLastPathComponent()
        let python = folder.appendingPathComponent("python/bin/python3").path
        if FileManager.default.isExecutableFile(atPath: python) { return python }
      }
      throw Missing()
    }
  }
}
