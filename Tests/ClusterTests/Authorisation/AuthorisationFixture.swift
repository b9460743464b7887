import CairnTestSupport
import Foundation
import Testing

/// Keys and buckets for the authorisation tables, on a server whose first key is ``administrator``.
///
/// `owner` has created the bucket `alpha`, `stranger` has created `beta` and `open`, which is public-read. Neither may
/// create buckets any more. `reader` may read `alpha` and `default`, `writer` may write to both, and `owner` owns
/// `default` as far as that can be. `nobody` has a key without grants; whoever is not among the keys has none.
struct AuthorisationFixture: Sendable {
  static let administrator = PrintedKey(id: "administrator", secret: "correct/horse+battery")
  static let buckets = ["alpha", "beta", "open"]

  private(set) var keys: [String: PrintedKey] = ["administrator": administrator]
  /// Ids of uploads in parts to `parts`, by their buckets.
  private(set) var uploads: [String: String] = [:]

  init(_ server: CairnProcess, callers: [String]) async throws {
    let port = server.port
    let s3 = try #require(server.s3Port)
    (keys, uploads) = try await BlockingThreads.run { try Self.make(WireClient(port: port), WireClient(port: s3)) }
    #expect(Set(callers).isSuperset(of: keys.keys))
  }

  private static func make(
    _ native: WireClient, _ s3: WireClient
  ) throws -> (keys: [String: PrintedKey], uploads: [String: String]) {
    var keys = ["administrator": administrator]
    func administer(_ method: String, _ path: String) throws -> [String: Any] {
      let answer = try native.request(method, path, headers: [administrator.bearer])
      try #require((200..<300).contains(answer.status), "\(method) \(path): \(answer.status)")
      return try JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any] ?? [:]
    }
    func s3Request(_ method: String, _ target: String, by caller: String, _ headers: [String] = [], body: String = "")
      throws -> WireAnswer
    {
      let key = try #require(keys[caller])
      let signed = try RequestSigner(key: key).headers(method, target, headers)
      let answer = try s3.request(method, target, headers: signed, body: Array(body.utf8)[...])
      try #require(answer.status == 200, "\(method) \(target): \(String(decoding: answer.body, as: UTF8.self))")
      return answer
    }
    for caller in ["nobody", "reader", "writer", "owner", "stranger"] {
      let made = try administer("POST", "/keys")
      keys[caller] = PrintedKey(
        id: try #require(made["id"] as? String), secret: try #require(made["secret"] as? String))
    }
    func change(_ caller: String, _ verb: String, _ permission: String, in bucket: String) throws {
      let id = try #require(keys[caller]?.id)
      _ = try administer("PATCH", "/keys/\(id)?bucket=\(bucket)&\(verb)=\(permission)")
    }
    for (caller, created) in [("owner", ["alpha"]), ("stranger", ["beta", "open"])] {
      try change(caller, "allow", "owner", in: "%2A")
      for bucket in created {
        _ = try s3Request("PUT", "/\(bucket)", by: caller, bucket == "open" ? ["x-amz-acl: public-read"] : [])
      }
      try change(caller, "deny", "owner", in: "%2A")
    }
    for bucket in ["alpha", "default"] {
      try change("reader", "allow", "read", in: bucket)
      try change("writer", "allow", "write", in: bucket)
    }
    try change("owner", "allow", "all", in: "default")
    var uploads: [String: String] = [:]
    for bucket in buckets {
      for name in ["object", "new"] {
        _ = try s3Request("PUT", "/\(bucket)/\(name)", by: "administrator", ["x-amz-tagging: a=b"], body: "x")
      }
      let begun = try s3Request("POST", "/\(bucket)/parts?uploads", by: "administrator")
      let id = String(decoding: begun.body, as: UTF8.self).firstMatch(of: /<UploadId>([0-9a-f]+)</)
      uploads[bucket] = String(try #require(id).output.1)
    }
    _ = try s3Request("PUT", "/default/object", by: "administrator", body: "x")
    return (keys, uploads)
  }
}
