@testable import CairnClient
@testable import CairnHTTP
import CairnModel
import Foundation
import NIOHTTP1
@testable import cairn

/// What a server answers to the command line.
extension FuzzTarget {
  static let serverAnswers: [FuzzTarget] = [
    FuzzTarget(
      "client-answers",
      texts: [
        #"{"blobs":[{"name":"a","size":1,"etag":"\"x\"","content_type":"a/b","last_modified":"2026-01-01T00:00:00Z","blob_id":"0"}],"prefixes":["p/"],"next_start_after":null}"#,
        #"{"metadata":{"blob_id":"0","name":"a","size":1,"checksum":"x","md5":"y","stored_nodes":["n"],"upload_status":"completed"}}"#,
        #"{"detail":"no"}"#, #"{"value":null}"#,
      ]
    ) { input in
      guard let server = ServerAddress(ServerAddress.fallback) else { return }
      let data = Data(input.bytes)
      if let page = accepted({ try BlobClient.decode(data, server, as: ListedPage.self) }) {
        for file in page.blobs {
          _ = file.remote
          try check(name: file.name)
        }
      }
      _ = accepted { try BlobClient.uploaded(data, server) }
      _ = accepted { try BlobClient.decode(data, server, as: Refusal.self) }
      _ = accepted { try BlobClient.decode(data, server, as: RetrievedText.self) }
    },

    FuzzTarget(
      "client-head",
      texts: [
        "etag: \"0123456789abcdef0123456789abcdef\"\ncontent-length: 5\nrepr-digest: sha-256=:AAAA:\ncontent-type: a/b"
      ]
    ) { input in
      let headers = headers(input.lines)
      guard let file = accepted({ try BlobClient.file("name", headers) }) else { return }
      try require(file.etag.utf8.count > 2, "an entity tag is '\(file.etag)'")
    },

    FuzzTarget("client-name", texts: ["a/b", "../x", "a//b", "é/\u{338}", "\u{1B}[2Jx"]) { input in
      try check(name: ByteText(input.text))
    },

    FuzzTarget("server-address", texts: ["http://127.0.0.1:8000/x/", "http://[::1]:1", "http://h"]) { input in
      guard let address = ServerAddress(input.text) else { return }
      try require(!address.listen.host.isEmpty, "a server has no host")
      try require((0...65_535).contains(address.listen.port), "a server's port is \(address.listen.port)")
    },

    FuzzTarget("state-text", texts: ["text", "data:application/octet-stream;base64,YWJj", "a\u{0}b"]) { input in
      try requireEqual(
        try StateText.bytes(StateText.text(Data(input.bytes))), Data(input.bytes), "a file kept as text and read again")
      _ = accepted { try StateText.bytes(input.text) }
    },

    FuzzTarget("operator-answers", texts: operatorAnswers) { input in
      let decoder = JSONDecoder()
      decoder.keyDecodingStrategy = .convertFromSnakeCase
      let data = Data(input.bytes)
      if let nodes = try? decoder.decode(NodesAnswer.self, from: data) { _ = StatusText.nodes(nodes) }
      if let status = try? decoder.decode(StatusAnswer.self, from: data) { try check(lines: StatusText.status(status)) }
      if let node = try? decoder.decode(NodeAnswer.self, from: data) {
        _ = StatusText.nodes([node])
        let start = ContinuousClock.now
        let progress = DrainProgress(volumes: 100, at: start)
        _ = progress.line(volumes: node.volumesLeft ?? 0, at: start + .seconds(1))
        _ = node.nodesMissing.flatMap(DrainProgress.obstacle)
      }
    },
  ]

  /// A name of the server either becomes a path below a folder or is refused.
  private static func check(name: ByteText) throws {
    try require(!BlobClient.quoted(name).utf8.contains { $0 < 0x20 }, "a name is shown with control characters")
    guard let path = accepted({ try RelativePath(name) }) else { return }
    let words = path.text.string.utf8.split(separator: ByteText.slash, omittingEmptySubsequences: false)
    try require(
      words.allSatisfy {
        !$0.isEmpty && !$0.elementsEqual(".".utf8) && !$0.elementsEqual("..".utf8) && !$0.contains(0) && $0.count <= 255
      },
      "'\(path.text)' leaves its folder")
    try requireEqual(Array(words.joined(separator: [ByteText.slash])), Array(name.string.utf8), "a name as a path")
  }

  private static func check(lines text: String) throws {
    try require(
      !text.utf8.contains { $0 < 0x20 && $0 != 0x0A }, "a status is shown with control characters")
  }

  private static let operatorAnswers = [
    #"{"node_id":"0123456789abcdef","address":"::1","port":1,"zone":"z","status":"active","last_heartbeat":"t","capacity":9,"available":10,"volume_count":1,"blob_count":2,"volumes_left":50,"nodes_missing":1}"#,
    #"{"active_nodes":[{"node_id":"0","address":"a","listen_port":1,"zone":"z","status":"s","last_heartbeat":"t","capacity":1,"available_space":2,"volume_count":1,"blob_count":2}],"inactive_nodes":[]}"#,
    #"{"nodes":[],"volumes":{"total":1,"open":1,"sealed":0,"healthy":1,"under_replicated":0,"at_risk":0,"unavailable":0},"repair":{"waiting":0,"running":1,"retrying":0,"tasks":[{"key":"k","kind":"mend","state":"running","attempts":1,"done":1,"total":2,"rate":3,"eta_seconds":90000,"since":"t"}]}}"#,
  ]
}
