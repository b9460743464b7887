import ArgumentParser
import CairnClient
import Foundation

/// `cairn get` downloads files.
struct Get: ClientCommand {
  static let configuration = CommandConfiguration(
    abstract: "Download files, verified end to end.",
    discussion: """
      A file is written under the last word of its name, and keeps a temporary name until it is complete and verified. When \
      the connection breaks, it goes on where it stood; when the process was killed, the same command goes on.
        cairn get docs/report.pdf           to ./report.pdf
        cairn get docs/report.pdf -o r.pdf
        cairn get a.txt b.txt -o folder/
        cairn get -r docs                   all names below docs/, to ./docs/…
      """)

  @Argument(help: ArgumentHelp("Names of files.", valueName: "name"))
  var names: [String]
  @Option(
    name: .shortAndLong,
    help: "A file, a folder (with a slash at its end, or one that exists), or - for standard output.")
  var output: String?
  @Flag(name: .shortAndLong, help: "The names are folders: everything below them.")
  var recursive = false
  @OptionGroup var transfer: TransferOptions
  @OptionGroup var options: ClientOptions

  func validate() throws {
    guard !names.isEmpty else { throw ValidationError("Give a name, as `cairn ls` lists them") }
    guard let output, !recursive else { return }
    if output == "-", names.count > 1 { throw ValidationError("Standard output takes one file; see `cairn cat`") }
    if output != "-", names.count > 1, !isFolder(output) {
      throw ValidationError("Several files need a folder: `-o \(output)/`")
    }
  }

  func run(_ session: ClientSession) async throws(ClientError) {
    if output == "-", !recursive { return try await print(names[0], session) }
    var items: [Transfers.Item] = []
    var problems: [FileTree.Problem] = []
    for name in names {
      if recursive {
        try await addAll(below: name, session, &items, &problems)
      } else {
        items.append(item(session, name, nil, try target(name)))
      }
    }
    try session.show(await Transfers(session: session, options: transfer).run(items, problems: problems), "received")
  }

  private func isFolder(_ path: String) -> Bool { path.hasSuffix("/") || UploadTargets.kind(path) == .folder }

  /// A folder, and a path below it.
  private func target(_ name: String) throws(ClientError) -> (DownloadFolder, String) {
    if let output, !isFolder(output) {
      let url = URL(fileURLWithPath: output)
      return (DownloadFolder(url.deletingLastPathComponent().path), url.lastPathComponent)
    }
    return (DownloadFolder(output ?? "."), try NameMapping.fileName(name))
  }

  private func addAll(
    below name: String, _ session: ClientSession, _ items: inout [Transfers.Item],
    _ problems: inout [FileTree.Problem]
  ) async throws(ClientError) {
    let prefix = NameMapping.folder(name)
    let files = try await session.client.all(prefix: prefix)
    guard !files.isEmpty else { throw .notFound(BlobClient.quoted(prefix)) }
    let last = prefix.split(separator: "/").last.map { NameMapping.folder(String($0)) } ?? ""
    for file in files {
      do throws(ClientError) {
        let path = try NameMapping.path((last + file.name.dropFirst(prefix.count))[...])
        items.append(item(session, file.name, file.remote, (DownloadFolder(output ?? "."), path)))
      } catch {
        problems.append(FileTree.Problem(path: file.name, reason: "\(error)", isError: true))
      }
    }
  }

  private func item(
    _ session: ClientSession, _ name: String, _ known: RemoteFile?, _ target: (DownloadFolder, String)
  ) -> Transfers.Item {
    let (client, files) = (session.client, session.files)
    return Transfers.Item(label: name, size: known?.size) { transfer throws(ClientError) in
      // Nothing is made for a file that is not there.
      let known = if let known { known } else { try await client.head(name) }
      let path = try target.0.prepare(target.1)
      let file = try await client.download(name, to: path, known: known, files: files, transfer: transfer)
      return FileReport(
        action: "get", name: name, path: path, size: file.size, md5: file.checksums.md5,
        sha256: file.checksums.sha256)
    }
  }

  private func print(_ name: String, _ session: ClientSession) async throws(ClientError) {
    _ = try await session.client.download(name, toDescriptor: STDOUT_FILENO)
  }
}
