import ArgumentParser
import CairnClient
import CairnModel

/// `cairn rm` deletes files.
struct Remove: ClientCommand {
  static let configuration = CommandConfiguration(commandName: "rm", abstract: "Delete files.")

  @Argument(help: ArgumentHelp("Names of files.", valueName: "name"))
  var names: [ByteText]
  @Flag(name: .shortAndLong, help: "The names are folders: everything below them, and nothing that only starts alike.")
  var recursive = false
  @Flag(name: .shortAndLong, help: "Ignore names that don't exist.")
  var force = false
  @OptionGroup var transfer: TransferOptions
  @OptionGroup var options: ClientOptions

  func validate() throws {
    guard !names.isEmpty else { throw ValidationError("Give a name, as `cairn ls` lists them") }
    guard !names.contains("") else {
      throw ValidationError("An empty name would delete everything: give the names to delete")
    }
  }

  func run(_ session: ClientSession) async throws(ClientError) {
    var items: [Transfers.Item] = []
    for name in names {
      guard recursive else {
        items.append(item(session, name))
        continue
      }
      let below = try await session.client.all(prefix: NameMapping.folder(name))
      items += below.map { item(session, $0.name) }
      if below.isEmpty, !force { throw .noBlobs(below: NameMapping.folder(name)) }
    }
    let report = await Transfers(session: session, options: transfer).run(items)
    if session.json {
      try StandardOutput.json(report)
    } else if recursive {
      try StandardOutput.line(report.files.count == 1 ? "1 file deleted" : "\(report.files.count) files deleted")
    }
    try report.check()
  }

  private func item(_ session: ClientSession, _ name: ByteText) -> Transfers.Item {
    let (client, force) = (session.client, force || recursive)
    return Transfers.Item(label: name.string, size: 0) { _ throws(ClientError) in
      do throws(ClientError) { try await client.delete(name) } catch .notFound where force {}
      return FileReport(action: "delete", name: name, path: nil, size: 0, md5: nil, sha256: nil)
    }
  }
}
