import CairnTestSupport
import Foundation
import Testing

/// Requests that are almost right harm neither a cluster nor a server. `make attack` sends them for longer.
extension ClusterSuite {
  @Suite struct MutatedRequestTests {
    private static let seconds = 5

    @Test func mutatedRequestsHarmNoProcess() async throws {
      let seed = SeededRandom(for: "mutated requests").seed >> 16
      let script = URL(filePath: #filePath).appending(path: "../../../../scripts/attack").standardized.path
      let result = try await ShortProcess.run(
        "python3",
        [script, "--cairn", CairnProcess.program, "--seconds", "\(Self.seconds)", "--seed", "\(seed)"],
        environment: ["PATH=\(Environment.variable("PATH") ?? "/usr/bin:/bin")", "PYTHONDONTWRITEBYTECODE=1"])
      #expect(result.exitCode == 0, "\(result.output)")
    }
  }
}
