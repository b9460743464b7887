import CairnTestSupport
import Foundation
import NIOHTTP1
import Testing

@testable import CairnAPI

extension S3Suite {
  /// Every operation of the native API, as every kind of caller, with and without required keys.
  @Suite struct NativeAuthorisationTests {
    private static let settings = AuthorisationFixture.administrator.settings

    @Test func requiredKeysAdmitThoseThatTheTableNames() async throws {
      let table = try AuthorisationTable("native-required.txt")
      let server = try await CairnProcess.server(Self.settings.merging(["AUTH": "required"]) { $1 })
      let fixture = try await AuthorisationFixture(server, callers: table.callers)
      var callers = try Self.bearers(fixture, server)
      // Without a key, it makes no difference here where a request comes from.
      callers["page"] = Caller(headers: ["Origin: http://evil.example"])
      callers["rebound"] = Caller(host: "evil.example")
      try await Self.check(table, server, callers)
      try await server.stopInOrder()
    }

    @Test func openServersAdmitProgramsAndKeepWebPagesOut() async throws {
      let table = try AuthorisationTable("native-open.txt")
      let server = try await CairnProcess.server(Self.settings)
      let fixture = try await AuthorisationFixture(server, callers: table.callers + ["reader", "writer", "owner"])
      var callers = try Self.bearers(fixture, server)
      callers["page"] = Caller(headers: ["Origin: http://evil.example"])
      callers["tab"] = Caller(headers: ["Sec-Fetch-Site: cross-site"])
      callers["sandbox"] = Caller(headers: ["Origin: null"])
      callers["rebound"] = Caller(host: "evil.example", headers: ["Origin: http://evil.example"])
      // A request with a key does not come from a web page.
      callers["proxied"] = Caller(host: "files.example", headers: [AuthorisationFixture.administrator.bearer])
      try await Self.check(table, server, callers)
      try await server.stopInOrder()
    }

    private struct Caller {
      var host = "127.0.0.1"
      var headers: [String] = []
    }

    /// Those of the fixture, `anonymous`, and `local`, who can read the storage path.
    private static func bearers(
      _ fixture: AuthorisationFixture, _ server: CairnProcess
    ) throws -> [String: Caller] {
      var callers = fixture.keys.mapValues { Caller(headers: [$0.bearer]) }
      let file = try String(contentsOfFile: server.storagePath + "/local.key", encoding: .utf8)
      let token = try #require(file.split(whereSeparator: \.isWhitespace).last)
      callers["local"] = Caller(headers: ["Authorization: Bearer \(token)"])
      callers["anonymous"] = Caller()
      return callers
    }

    private static func check(
      _ table: AuthorisationTable, _ server: CairnProcess, _ callers: [String: Caller]
    ) async throws {
      let port = server.port
      let node = try #require(try await server.node())
      let found = try await BlockingThreads.run {
        let client = try WireClient(port: port)
        let begun = try client.request(
          "POST", "/uploads?name=parts", headers: [AuthorisationFixture.administrator.bearer])
        let upload = try JSONSerialization.jsonObject(with: Data(begun.body)) as? [String: Any]
        let ids = Identifiers(node: node, upload: try #require(upload?["upload_id"] as? String))
        var found: [AuthorisationTable.Row: [Int]] = [:]
        for template in RouteTemplate.allCases {
          for method in template.operations.flatMap(\.withHead).map(\.method.rawValue) {
            let row = AuthorisationTable.Row(operation: method, subject: template.rawValue)
            let request = template.request(method, ids)
            found[row] = try table.callers.map { name in
              let caller = try #require(callers[name])
              return try client.request(
                method, request.target, host: caller.host, headers: caller.headers + request.headers,
                body: Array(request.body.utf8)[...]
              ).status
            }
          }
        }
        return found
      }
      table.expect(found)
    }
  }
}

/// What the requests of the native table name.
struct Identifiers {
  var node: String
  var upload: String
}

extension CairnProcess {
  /// The id of the storage node in a server.
  fileprivate func node() async throws -> String? {
    let answer = try await curl()("/nodes", "-H", AuthorisationFixture.administrator.bearer)
    return (answer.json["active_nodes"] as? [[String: Any]])?.first?["node_id"] as? String
  }
}

extension RouteTemplate {
  private static let form = ["Content-Type: multipart/form-data; boundary=b"]
  private static let json = ["Content-Type: application/json"]
  /// No upload has it.
  private static let strangeUpload = String(repeating: "0", count: 31) + "1"

  /// Requests that succeed as often as they are made, or whose failure tells that the caller was admitted.
  fileprivate func request(_ method: String, _ ids: Identifiers) -> TableRequest {
    let isRead = method == "GET" || method == "HEAD"
    switch self {
    case .upload:
      let body = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nx\r\n--b--\r\n"
      return TableRequest(method, "/upload", Self.form, body: body)
    case .blob:
      if method == "PUT" { return TableRequest(method, "/blob/object", body: "x") }
      return TableRequest(method, method == "DELETE" ? "/blob/nothing" : "/blob/object")
    case .blobStatus: return TableRequest(method, "/blob/object/status")
    case .blobs: return TableRequest(method, "/blobs")
    case .uploads: return TableRequest(method, "/uploads?name=more")
    case .partialUpload: return TableRequest(method, "/uploads/\(isRead ? ids.upload : Self.strangeUpload)")
    case .completion: return TableRequest(method, "/uploads/\(Self.strangeUpload)/complete")
    case .part: return TableRequest(method, "/uploads/\(ids.upload)/1", body: "x")
    case .nodes: return TableRequest(method, "/nodes")
    case .node: return TableRequest(method, "/nodes/\(ids.node)")
    case .nodeDrain: return TableRequest(method, "/nodes/\(ids.node)/drain")
    case .accessKeys: return TableRequest(method, "/keys")
    case .accessKey:
      return TableRequest(method, "/keys/CKNOSUCHKEY\(method == "PATCH" ? "?bucket=default&allow=read" : "")")
    case .status: return TableRequest(method, "/status")
    case .gc: return TableRequest(method, "/gc?dry_run=1")
    case .scrub: return TableRequest(method, "/scrub")
    case .health: return TableRequest(method, "/health")
    case .ready: return TableRequest(method, "/ready")
    case .description: return TableRequest(method, "/openapi.json")
    case .download: return TableRequest(method, "/download?filename=object")
    case .test: return TableRequest(method, "/test")
    case .files:
      return TableRequest(
        method, "/file?on_conflict=overwrite", Self.json, body: "{\"filename\":\"f\",\"file\":\"eA==\"}")
    case .file: return TableRequest(method, method == "DELETE" ? "/file/nothing" : "/file/object")
    case .store: return TableRequest(method, "/store", Self.json, body: "{\"key\":\"k\",\"value\":\"v\"}")
    case .retrieve: return TableRequest(method, "/retrieve/k")
    }
  }
}
