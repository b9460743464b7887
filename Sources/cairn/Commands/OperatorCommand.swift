import ArgumentParser
import CairnClient
import Foundation

/// Which server an operator's command asks, and how it shows the answer.
struct ServerOptions: ParsableArguments {
  @Option(
    help: "A server or coordinator, http://HOST:PORT. [CAIRN_SERVER, default \(ServerAddress.fallback)]")
  var server: String?
  @Flag(help: "Print the server's JSON.")
  var json = false

  /// - Throws: `ValidationError` for a text that is no address.
  func address() throws -> ServerAddress {
    let environment = ProcessInfo.processInfo.environment["CAIRN_SERVER"].flatMap { $0.isEmpty ? nil : $0 }
    let text = server ?? environment ?? ServerAddress.fallback
    guard var address = ServerAddress(text) else {
      throw ValidationError("The server is '\(text)', allowed: http://HOST or http://HOST:PORT")
    }
    if let token = ProcessInfo.processInfo.environment["CAIRN_TOKEN"], !token.isEmpty {
      guard token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), token.contains(":") else {
        throw ValidationError(
          "CAIRN_TOKEN is malformed, allowed: ID:SECRET of an access key, as `cairn key` shows them")
      }
      address.token = token
    }
    return address
  }

  /// Prints an answer as it came, or what people read of it.
  func show<Answer: Decodable>(
    _ data: Data, _ client: OperatorClient, _ text: (Answer) -> String
  ) throws(ClientError) {
    if json {
      try StandardOutput.line(String(decoding: data, as: UTF8.self))
    } else {
      try StandardOutput.line(text(try client.decode(data)))
    }
  }
}

/// A command that asks a running server, and ends.
protocol OperatorCommand: AsyncParsableCommand {
  var options: ServerOptions { get }
  /// Of a server on this machine that asks for a credential; nil where the operator names none.
  var storagePath: String? { get }
  func run(_ client: OperatorClient) async throws(ClientError)
}

extension OperatorCommand {
  var storagePath: String? { nil }

  func run() async throws {
    let client = OperatorClient(try options.address(), storagePath: storagePath)
    try await run(client)
  }
}

/// Which node a command is about.
struct NodeArgument: ParsableArguments {
  @Argument(help: ArgumentHelp("The node's id, or its first digits, as `cairn nodes` shows them.", valueName: "node"))
  var node: String

  func validate() throws {
    guard !node.isEmpty, node.count <= 32, node.allSatisfy(\.isHexDigit) else {
      throw ValidationError("The node is '\(node)', allowed: 1 to 32 hexadecimal digits, as `cairn nodes` shows them")
    }
  }
}
