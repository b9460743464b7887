import ArgumentParser
import CairnClient
import CairnModel
import Foundation

/// `cairn stat` tells what is known of files.
struct Stat: ClientCommand {
  static let configuration = CommandConfiguration(abstract: "Show what is known of files: size, checksums, nodes.")

  /// What is known of a file.
  struct Facts: Encodable {
    var name: ByteText
    var size: UInt64
    var contentType: String
    var lastModified: String
    var md5: String?
    var sha256: String?
    var blobId: String
    var status: String
    var nodes: [String]
    var failedNodes: [String]
  }

  private struct Replication: Decodable {
    var blobId: String
    var status: String
    var successfulNodes: [String]
    var failedNodes: [String]
  }

  @Argument(help: ArgumentHelp("Names of files.", valueName: "name"))
  var names: [ByteText]
  @OptionGroup var options: ClientOptions

  func run(_ session: ClientSession) async throws(ClientError) {
    var all: [Facts] = []
    for name in names { all.append(try await facts(name, session.client)) }
    if session.json { return try StandardOutput.json(["files": all]) }
    try StandardOutput.line(all.map(text).joined(separator: "\n\n"))
  }

  private func facts(_ name: ByteText, _ client: BlobClient) async throws(ClientError) -> Facts {
    let file = try await client.head(name)
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let answer = try await client.replication(name)
    guard let replication = try? decoder.decode(Replication.self, from: answer) else {
      throw .refused(
        "The server sent an answer that this version of cairn doesn't understand: use the server's version")
    }
    return Facts(
      name: name, size: file.size, contentType: file.contentType, lastModified: file.lastModified,
      md5: file.checksums.md5, sha256: file.checksums.sha256, blobId: replication.blobId, status: replication.status,
      nodes: replication.successfulNodes, failedNodes: replication.failedNodes)
  }

  private func text(_ facts: Facts) -> String {
    """
    name      \(BlobClient.quoted(facts.name))
    size      \(facts.size)
    type      \(BlobClient.quoted(facts.contentType))
    modified  \(facts.lastModified)
    MD5       \(facts.md5 ?? "-")
    SHA-256   \(facts.sha256 ?? "-")
    blob id   \(facts.blobId)
    status    \(facts.status)
    nodes     \((facts.nodes + facts.failedNodes.map { "\($0) (doesn't answer)" }).joined(separator: ", "))
    """
  }
}
