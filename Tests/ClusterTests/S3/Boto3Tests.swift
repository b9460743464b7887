import CairnTestSupport
import Testing

extension S3Suite {
  @Suite struct Boto3Tests {
    private let open = ["ALLOW_ANONYMOUS": "1"]

    @Test(arguments: ["boto3_cases.py", "multipart_cases.py"])
    func boto3GetsWhatItExpects(_ script: String) async throws {
      let server = try await CairnProcess.server(open)
      let port = try #require(server.s3Port, "\(server.log)")
      try await S3Clients.run(script, ["\(port)", "\(server.port)"])
      try await server.stopInOrder()
    }

    /// Nobody serves strangers by accident.
    @Test func withoutAWayToTellClientsApartS3IsNotServed() async throws {
      let server = try await CairnProcess.server()
      #expect(server.s3Port == nil)
      try await server.stopInOrder()
    }
  }
}
