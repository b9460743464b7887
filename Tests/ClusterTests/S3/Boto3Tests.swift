import CairnTestSupport
import Testing

extension S3Suite {
  @Suite struct Boto3Tests {
    private let open = ["ALLOW_ANONYMOUS": "1"]

    @Test func boto3GetsWhatItExpects() async throws {
      let server = try await CairnProcess.server(open)
      let port = try #require(server.s3Port, "\(server.log)")
      try await S3Clients.run("boto3_cases.py", ["\(port)", "\(server.port)"])
      try await server.stopInOrder()
    }
  }
}
