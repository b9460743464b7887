import CairnClient
import ArgumentParser
import NIOHTTP1

/// `cairn forget NODE` removes a node that is gone for good.
struct Forget: OperatorCommand {
  static let configuration = CommandConfiguration(
    abstract: "Forget a node that is gone for good.",
    discussion: "Refused while the node is active, and while any volume has a replica on it.")

  @OptionGroup var target: NodeArgument
  @OptionGroup var options: ServerOptions

  func run(_ client: OperatorClient) async throws(ClientError) {
    let id = try await client.nodeID(target.node)
    let answer = try await client.send(.DELETE, "/nodes/\(id)")
    try StandardOutput.line(options.json ? String(decoding: answer, as: UTF8.self) : "node \(id) is forgotten")
  }
}
