import CairnTestSupport
import Testing

extension S3Suite {
  @Suite struct S3cmdTests {
    @Test func s3cmdBacksUpRestoresAndPublishes() async throws {
      try await S3Clients.runWithThreeKeys("s3cmd_cases.sh")
    }
  }
}
