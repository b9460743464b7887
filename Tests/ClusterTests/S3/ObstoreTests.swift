import CairnTestSupport
import Testing

extension S3Suite {
  @Suite struct ObstoreTests {
    @Test func obstoreWritesReadsAndRenames() async throws {
      try await S3Clients.runWithThreeKeys("obstore_cases.py", with: .files)
    }
  }
}
