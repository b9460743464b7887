import CairnClient
import ArgumentParser
import NIOHTTP1

/// `cairn nodes` lists the storage nodes.
struct Nodes: OperatorCommand {
  static let configuration = CommandConfiguration(abstract: "List the storage nodes.")

  @OptionGroup var options: ServerOptions

  func run(_ client: OperatorClient) async throws(ClientError) {
    try options.show(try await client.send(.GET, "/nodes"), client) { (answer: NodesAnswer) in
      StatusText.nodes(answer)
    }
  }
}
