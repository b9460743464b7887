import CairnClient
import ArgumentParser
import NIOHTTP1

/// `cairn gc` removes what uploads left behind that were never committed.
struct CollectGarbage: OperatorCommand {
  static let configuration = CommandConfiguration(
    commandName: "gc",
    abstract: "Remove blobs older than ORPHAN_AGE that no file refers to. The cluster does it by itself, too.")

  @Flag(help: "Only list what would go.")
  var dryRun = false
  @OptionGroup var options: ServerOptions

  func run(_ client: OperatorClient) async throws(ClientError) {
    let path = dryRun ? "/gc?dry_run=1" : "/gc"
    try options.show(try await client.send(.POST, path), client) { (answer: GarbageAnswer) in
      let lines = answer.orphans.map { "\($0.volume)  \($0.blobId)  \($0.kind)  \($0.size) bytes  \($0.name ?? "")" }
      let total = "\(answer.count) orphans, \(answer.bytes) bytes, \(answer.removed ? "are garbage now" : "would go")"
      return (lines + [total]).joined(separator: "\n")
    }
  }
}

/// What `POST /gc` answers.
struct GarbageAnswer: Decodable {
  struct Orphan: Decodable {
    var volume: String
    var blobId: String
    var kind: String
    var name: String?
    var size: Int
  }

  var removed: Bool
  var count: Int
  var bytes: Int
  var orphans: [Orphan]
}
