import ArgumentParser
import CairnClient
import Foundation

/// `cairn cat` writes files to standard output.
struct Cat: ClientCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write files to standard output.",
    discussion: "The checksum is known at the end: what came before an exit code of 4 is not to be trusted.")

  @Argument(help: ArgumentHelp("Names of files.", valueName: "name"))
  var names: [String]
  @OptionGroup var options: ClientOptions

  func run(_ session: ClientSession) async throws(ClientError) {
    for name in names { _ = try await session.client.download(name, toDescriptor: STDOUT_FILENO) }
  }
}
