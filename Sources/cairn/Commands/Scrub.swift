import CairnClient
import ArgumentParser
import NIOHTTP1

/// `cairn scrub` has every replica read and verified.
struct Scrub: OperatorCommand {
  static let configuration = CommandConfiguration(
    abstract: "Have every replica read and verified; what is damaged is mended. `cairn status` shows how far it is.")

  @OptionGroup var options: ServerOptions

  func run(_ client: OperatorClient) async throws(ClientError) {
    try options.show(try await client.send(.POST, "/scrub"), client) { (answer: ScrubAnswer) in
      "\(answer.replicas) replicas will be read; see cairn status"
    }
  }
}

/// What `POST /scrub` answers.
struct ScrubAnswer: Decodable {
  var replicas: Int
}
