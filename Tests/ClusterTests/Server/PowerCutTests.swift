import CairnTestSupport
import Foundation
import Testing

extension ServerSuite {
  /// A loss of power at any moment loses nothing that was acknowledged, and brings nothing back. `make powercut` makes more
  /// cuts, also of clusters.
  @Suite struct PowerCutTests {
    @Test func nothingAcknowledgedIsLostWithThePower() async throws {
      let result = try await cut("--cuts", "30", "--seconds", "3")
      #expect(result.exitCode == 0, "\(result.output)")
    }

    /// The harness finds what is missing: without syncs, much is.
    @Test func whatIsNotSyncedIsLostWithThePower() async throws {
      let result = try await cut("--cuts", "8", "--seconds", "2", "--durability", "async")
      #expect(result.exitCode == 1, "\(result.output)")
      #expect(result.output.contains("cuts lost something"), "\(result.output)")
    }

    private func cut(_ arguments: String...) async throws -> ShortProcess.Result {
      let seed = SeededRandom(for: "power cuts").seed >> 16
      let script = URL(filePath: #filePath).appending(path: "../../../../scripts/powercut").standardized.path
      let found = try TemporaryFolder("powercut")
      return try await ShortProcess.run(
        "python3", [script, "--cairn", CairnProcess.program, "--seed", "\(seed)", "--found", found.path] + arguments,
        environment: ["PATH=\(Environment.variable("PATH") ?? "/usr/bin:/bin")", "PYTHONDONTWRITEBYTECODE=1"])
    }
  }
}
