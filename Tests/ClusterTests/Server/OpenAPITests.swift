import CairnTestSupport
import Foundation
import Testing

extension ServerSuite {
  /// `/openapi.json`, against the server that serves it.
  @Suite struct OpenAPITests {
    private static let methods = ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"]

    @Test func everyPathTakesTheMethodsThatAreDescribedAndNoOthers() async throws {
      let server = try await CairnProcess.server()
      let client = try WireClient(port: server.port)
      let description = try client.request("GET", "/openapi.json")
      #expect(description.status == 200)
      #expect(description.headers["content-type"] == "application/json")
      let json = try JSONSerialization.jsonObject(with: Data(description.body)) as? [String: Any]
      let paths = try #require(json?["paths"] as? [String: [String: Any]])
      #expect(paths.count > 20)
      for (template, operations) in paths {
        let path = template.replacing(/{[a-z_]+}/, with: "1")
        for method in Self.methods {
          let isDescribed = operations[method.lowercased()] != nil
          let answer = try client.request(method, path)
          let text = String(decoding: answer.body, as: UTF8.self)
          #expect((answer.status != 405) == isDescribed, "\(method) \(template): \(answer.status)")
          #expect(!text.contains("No route"), "\(method) \(template)")
        }
      }
    }

    /// Requests that are made from the description, right and wrong ones. `CAIRN_TEST_SEED` for others,
    /// `CAIRN_TEST_EXAMPLES` for more of them.
    @Test(.timeLimit(.minutes(10))) func answersAreAsDescribed() async throws {
      let seed = Environment.variable("CAIRN_TEST_SEED") ?? "1"
      let examples = Environment.variable("CAIRN_TEST_EXAMPLES") ?? "15"
      let key = AuthorisationFixture.administrator
      let server = try await CairnProcess.server(key.settings)
      let result = try await PythonClient.schemathesis(
        ["--seed", seed, "--max-examples", examples, "--header", key.bearer], port: server.port,
        directory: server.folder.path)
      #expect(result.exitCode == 0, "seed \(seed):\n\(result.output)")
      print("schemathesis with seed \(seed): \(result.output.split(separator: "\n").last ?? "")")
      try await server.stopInOrder()
    }
  }
}
