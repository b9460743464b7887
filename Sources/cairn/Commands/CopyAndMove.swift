import ArgumentParser
import CairnClient
import CairnModel

/// From which name to which one.
struct TwoNames: ParsableArguments {
  @Argument(help: "The file's name.")
  var source: ByteText
  @Argument(help: "The new name; if it ends with a slash, the last component of the old one is added.")
  var target: ByteText
  @Flag(help: "Fail if the new name exists already.")
  var noOverwrite = false

  /// The whole new name.
  func resolvedTarget() throws(ClientError) -> ByteText {
    let name = target.endsWithSlash ? target + source.lastComponent : target
    guard !target.endsWithSlash || !source.endsWithSlash else {
      throw .refused("'\(BlobClient.quoted(source))' ends with a slash: give the whole new name")
    }
    guard name != source else {
      throw .refused("'\(BlobClient.quoted(source))' already has this name: give another one")
    }
    return name
  }

  func copy(_ session: ClientSession) async throws(ClientError) -> (source: RemoteFile, copy: UploadedFile) {
    let name = try resolvedTarget()
    let file = try await session.client.head(source)
    return (file, try await session.client.copy(file, to: name, overwrite: !noOverwrite))
  }

  func show(_ copy: UploadedFile, _ action: String, _ session: ClientSession) throws(ClientError) {
    let report = FileReport(
      action: action, name: copy.name, path: nil, size: copy.size, md5: copy.md5, sha256: copy.checksum)
    if session.json { try StandardOutput.json(report) }
  }
}

/// `cairn cp` copies a file within the server.
struct Copy: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "cp", abstract: "Copy a file within the server, verified.")

  @OptionGroup var names: TwoNames
  @OptionGroup var options: ClientOptions

  func run(_ session: ClientSession) async throws(ClientError) {
    try names.show(try await names.copy(session).copy, "copy", session)
  }
}

/// `cairn mv` gives a file another name.
struct Move: ClientCommand {
  static let configuration = CommandConfiguration(
    commandName: "mv", abstract: "Give a file another name.",
    discussion: """
      The file is copied within the server, then the version that was copied is deleted: for a moment it has both names, \
      and never neither.
      """)

  @OptionGroup var names: TwoNames
  @OptionGroup var options: ClientOptions

  func run(_ session: ClientSession) async throws(ClientError) {
    let (source, copy) = try await names.copy(session)
    try await session.client.delete(source.name, ifMatch: source.etag)
    try names.show(copy, "move", session)
  }
}
