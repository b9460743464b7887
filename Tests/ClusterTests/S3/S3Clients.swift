import CairnTestSupport
import Foundation
import Testing

/// What real S3 clients get.
@Suite("S3", .serialized) enum S3Suite {}

/// The clients that `scripts/setup --clients` puts into the build folder.
enum S3Clients {
  struct Missing: Error, CustomStringConvertible {
    let description = "there are no S3 clients in the build folder: run scripts/setup --clients"
  }

  /// Runs a Python script that lies beside the tests, and expects it to succeed.
  ///
  /// - Parameter name: of the script.
  /// - Returns: what it printed.
  @discardableResult
  static func run(
    _ name: String, _ arguments: [String], file: String = #filePath, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> String {
    let script = URL(fileURLWithPath: file).deletingLastPathComponent().appendingPathComponent(name).path
    let result = try await ShortProcess.run(
      try python, [script] + arguments, environment: ["PATH=/usr/bin:/bin", "AWS_EC2_METADATA_DISABLED=true"])
    #expect(result.exitCode == 0, "\(result.output)", sourceLocation: sourceLocation)
    return result.output
  }

  /// The interpreter that has the clients from PyPI.
  private static var python: String {
    get throws {
      var folder = URL(fileURLWithPath: CairnProcess.program)
      while folder.path != "/" {
        folder.deleteLastPathComponent()
        let python = folder.appendingPathComponent("s3-clients/bin/python3").path
        if FileManager.default.isExecutableFile(atPath: python) { return python }
      }
      throw Missing()
    }
  }
}
