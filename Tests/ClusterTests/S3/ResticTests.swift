import CairnTestSupport
import Testing

extension S3Suite {
  @Suite struct ResticTests {
    @Test func resticRestoresWhatItBackedUp() async throws {
      try await S3Clients.runWithThreeKeys("restic_cases.sh")
    }
  }
}
