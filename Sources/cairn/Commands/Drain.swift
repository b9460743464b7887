import CairnClient
import ArgumentParser
import Foundation
import NIOHTTP1

/// `cairn drain NODE` has a node emptied, so that it may be switched off.
struct Drain: OperatorCommand {
  static let configuration = CommandConfiguration(
    abstract: "Move everything off a node, so that it may be switched off.",
    discussion: "The node gets nothing new and is read from until it is empty. `cairn undrain` takes it back.")

  /// Between two questions how far it is. Longer than any coordinator takes to read the registry: one that didn't know of
  /// the drain has made its last volume there by the second question.
  private static let pause: Duration = .seconds(3)

  @OptionGroup var target: NodeArgument
  @OptionGroup var options: ServerOptions
  @Flag(help: "Wait until the node is empty, and show how far it is.")
  var wait = false

  func run(_ client: OperatorClient) async throws(ClientError) {
    let id = try await client.nodeID(target.node)
    let answer = try await client.send(.POST, "/nodes/\(id)/drain")
    let node: NodeAnswer = try client.decode(answer)
    if let obstacle = DrainProgress.obstacle(nodesMissing: node.nodesMissing ?? 0) { tell("cairn: \(obstacle)") }
    guard wait else {
      return try options.show(answer, client) { (node: NodeAnswer) in
        "node \(id) gets nothing new; volumes left: \(node.volumesLeft ?? 0). `cairn drain \(target.node) --wait` shows how far it is"
      }
    }
    try await waitUntilEmpty(id, client)
  }

  private func waitUntilEmpty(_ id: String, _ client: OperatorClient) async throws(ClientError) {
    let path = "/nodes/\(id)"
    var node: NodeAnswer = try await client.get(path)
    let progress = DrainProgress(volumes: node.volumesLeft ?? 0, at: .now)
    var wasEmpty = false
    while true {
      guard let left = node.volumesLeft else {
        throw .refused("Node \(id) is no longer to be emptied: somebody said `cairn undrain`")
      }
      let isEmpty = node.mayBeSwitchedOff == true
      if isEmpty, wasEmpty { break }
      wasEmpty = isEmpty
      if let line = progress.line(volumes: left, at: .now) { tell(line) }
      try? await Task.sleep(for: Self.pause)
      node = try await client.get(path)
    }
    if options.json {
      try StandardOutput.line(String(decoding: try await client.send(.GET, path), as: UTF8.self))
    } else {
      try StandardOutput.line("node \(id) is empty: it may be switched off")
    }
  }

  /// To standard error, so that what a script reads is the result.
  private func tell(_ line: String) {
    FileHandle.standardError.write(Data((line + "\n").utf8))
  }
}
