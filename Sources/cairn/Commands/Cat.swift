import ArgumentParser
import CairnClient
import CairnModel

/// `cairn cat` writes files to standard output.
struct Cat: ClientCommand {
  static let configuration = CommandConfiguration(
    abstract: "Write files to standard output.",
    discussion: "The checksum is known only at the end: after an exit code of 4, don't use what was written.")

  @Argument(help: ArgumentHelp("Names of files.", valueName: "name"))
  var names: [ByteText]
  @OptionGroup var options: ClientOptions

  func run(_ session: ClientSession) async throws(ClientError) {
    for name in names { _ = try await session.client.download(name, to: .standardOutput) }
  }
}
