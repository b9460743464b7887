import CairnClient
import ArgumentParser
import NIOHTTP1

/// `cairn undrain NODE` takes a drain back.
struct Undrain: OperatorCommand {
  static let configuration = CommandConfiguration(abstract: "Take a drain back: the node gets data again.")

  @OptionGroup var target: NodeArgument
  @OptionGroup var options: ServerOptions

  func run(_ client: OperatorClient) async throws(ClientError) {
    let id = try await client.nodeID(target.node)
    try options.show(try await client.send(.DELETE, "/nodes/\(id)/drain"), client) { (node: NodeAnswer) in
      "node \(id) is \(node.status)"
    }
  }
}
