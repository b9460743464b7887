import CairnClient
import ArgumentParser
import NIOHTTP1

/// `cairn status` shows nodes, how safe the volumes are, and the repair work.
struct Status: OperatorCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show the nodes, how safe the data is, and what is being repaired.")

  @OptionGroup var options: ServerOptions

  func run(_ client: OperatorClient) async throws(ClientError) {
    try options.show(try await client.send(.GET, "/status"), client, StatusText.status)
  }
}
