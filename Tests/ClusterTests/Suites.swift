import CairnTestSupport
import Foundation
import Testing

/// Everything that one `cairn server` does. Tests with processes take turns, or they would measure each other.
@Suite("cairn server", .serialized) enum ServerSuite {}

/// Coordinators, nodes and Redis.
@Suite("cairn cluster", .serialized) enum ClusterSuite {}

extension CairnProcess {
  /// A server with an empty storage path.
  static func server(_ environment: [String: String] = [:]) async throws -> CairnProcess {
    try await CairnProcess(.server, environment)
  }

  /// Stops it in order, which must work.
  func stopInOrder(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let exitCode = try await stop()
    #expect(exitCode == 0, "\(role): \(crash ?? String(log.suffix(2000)))", sourceLocation: sourceLocation)
  }
}

extension Curl {
  /// Names in a page of the list.
  func names(_ query: String = "") async throws -> [String] {
    let answer = try await self("/blobs" + (query.isEmpty ? "" : "?\(query)"))
    let blobs = try #require(answer.json["blobs"] as? [[String: Any]], "\(answer.status) \(answer.text)")
    return blobs.compactMap { $0["name"] as? String }
  }

  func put(_ name: String, _ text: String, _ arguments: String...) async throws -> Answer {
    try await run("/blob/\(name.percentEncoded)", ["-X", "PUT", "--data-binary", text] + arguments)
  }
}

extension Curl.Answer {
  /// What an upload's answer tells of the file.
  var metadata: [String: Any] { json["metadata"] as? [String: Any] ?? [:] }

  var detail: String? { json["detail"] as? String }
}

/// Compares contents without printing them.
func expectSame(
  _ found: Data?, _ expected: Data?, _ what: String = "content", sourceLocation: SourceLocation = #_sourceLocation
) {
  guard let found, let expected else {
    Issue.record("\(what): missing", sourceLocation: sourceLocation)
    return
  }
  guard found != expected else { return }
  let same = zip(found, expected).prefix { $0 == $1 }.count
  Issue.record(
    "\(what): \(found.count) bytes for \(expected.count), the first \(same) are the same",
    sourceLocation: sourceLocation)
}
