import CairnTestSupport
import Testing

extension S3Suite {
  @Suite struct CurlTests {
    @Test func curlSignsEveryKindOfRequest() async throws {
      try await S3Clients.runWithThreeKeys("curl_cases.sh")
    }
  }
}
