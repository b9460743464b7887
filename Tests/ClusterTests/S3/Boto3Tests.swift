import CairnTestSupport
import Testing

extension S3Suite {
  @Suite struct Boto3Tests {
    @Test(arguments: ["boto3_cases.py", "multipart_cases.py"])
    func boto3GetsWhatItExpects(_ script: String) async throws {
      let key = PrintedKey(id: "boto3", secret: "correct/horse+battery")
      let server = try await CairnProcess.server(key.settings.merging(["AUTH": "required"]) { $1 })
      let port = try #require(server.s3Port, "\(server.log)")
      try await S3Clients.run(script, ["\(port)", "\(server.port)"], key: key)
      try await server.stopInOrder()
    }
  }
}
