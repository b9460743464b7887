import CairnTestSupport
import Testing

extension S3Suite {
  @Suite struct S3fsTests {
    @Test func s3fsIsAFileSystem() async throws {
      try await S3Clients.runWithThreeKeys("s3fs_cases.py", with: .files)
    }
  }
}
