import CairnTestSupport
import Testing

extension S3Suite {
  @Suite struct AWSCLITests {
    /// With nothing set: the key is the one that the first start shows.
    @Test func awsWorksWithTheFirstKey() async throws {
      let server = try await CairnProcess.server()
      let key = try #require(PrintedKey(server.log), "\(server.log)")
      let port = try #require(server.s3Port, "\(server.log)")
      try await S3Clients.run("aws_cases.sh", ["\(port)", server.folder.path], key: key)
      try await server.stopInOrder()
    }
  }
}
