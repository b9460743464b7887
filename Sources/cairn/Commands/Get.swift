import ArgumentParser
import CairnClient
import CairnModel

/// `cairn get` downloads files.
struct Get: ClientCommand {
  static let configuration = CommandConfiguration(
    abstract: "Download files, verified end to end.",
    discussion: """
      A file is written under the last component of its name, and has a temporary name until it is complete and verified. \
      When the connection breaks, the download resumes; after the process was killed, the same command resumes it.
        cairn get docs/report.pdf           to ./report.pdf
        cairn get docs/report.pdf -o r.pdf
        cairn get a.txt b.txt -o folder/
        cairn get -r docs                   all names below docs/, to ./docs/…
        cairn get dump.sql -o /dev/stdout   a pipe or a device is written to, and never replaced
      Downloads stay in their folder and follow no symbolic link there. Names that can't be paths below it, such as those \
      with '..', are reported; the others are written, and the command ends with 1. A symbolic link given with -o is \
      followed.
      """)

  @Argument(help: ArgumentHelp("Names of files.", valueName: "name"))
  var names: [ByteText]
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
    guard let output else { return }
    guard recursive else {
      if output == "-", names.count > 1 { throw ValidationError("Standard output takes one file; see `cairn cat`") }
      if output != "-", names.count > 1, !isFolder(output) {
        throw ValidationError("Several files need a folder: `-o \(output)/`")
      }
      return
    }
    if output == "-" { throw ValidationError("-r writes to a folder, and not to standard output") }
  }

  func run(_ session: ClientSession) async throws(ClientError) {
    if let output, !recursive, !isFolder(output) { return try await writeOne(names[0], to: output, session) }
    var wanted: [Wanted] = []
    for name in names {
      if recursive {
        wanted += try await everything(below: name, session)
      } else {
        wanted.append(Wanted(name: name, known: nil, path: name.lastComponent))
      }
    }
    try TransferConflicts.refuse(wanted.map { ($0.name.string, $0.path) })
    let byPath = Dictionary(wanted.map { ($0.path, $0) }) { first, _ in first }
    let targets = DownloadNames(wanted.map(\.path))
    let problems = targets.problems.map { path, reason in
      FileTree.Problem(path: (byPath[path]?.name ?? path).string, reason: reason, isError: true)
    }
    let folder = DownloadFolder(output ?? ".")
    let items = targets.paths.compactMap { path in
      byPath[path.text].map { wanted in
        item(session, wanted.name, wanted.known) { () throws(ClientError) in .file(try folder.place(path)) }
      }
    }
    try session.show(await Transfers(session: session, options: transfer).run(items, problems: problems), "received")
  }

  /// A name of the server, and what it becomes below the folder.
  private struct Wanted {
    var name: ByteText
    var known: RemoteFile?
    var path: ByteText
  }

  private func isFolder(_ path: String) -> Bool {
    ByteText(path).endsWithSlash || UploadTargets.kind(path) == .folder
  }

  private func everything(below name: ByteText, _ session: ClientSession) async throws(ClientError) -> [Wanted] {
    let prefix = NameMapping.folder(name)
    let files = try await session.client.all(prefix: prefix)
    guard !files.isEmpty else { throw .noBlobs(below: prefix) }
    let last = NameMapping.folder(prefix.components.last { !$0.isEmpty } ?? "")
    return files.map { file in
      Wanted(name: file.name, known: file.remote, path: last + (file.name.dropping(prefix) ?? file.name))
    }
  }

  private func item(
    _ session: ClientSession, _ name: ByteText, _ known: RemoteFile?,
    _ target: @escaping @Sendable () throws(ClientError) -> OutputTarget
  ) -> Transfers.Item {
    let (client, files) = (session.client, session.files)
    return Transfers.Item(label: name.string, size: known?.size) { transfer throws(ClientError) in
      // Nothing is made for a file that is not there.
      let known = if let known { known } else { try await client.head(name) }
      let (file, path) = try await client.download(known, to: target, files: files, transfer: transfer)
      return FileReport(
        action: "get", name: name, path: path, size: file.size, md5: file.checksums.md5, sha256: file.checksums.sha256)
    }
  }

  private func writeOne(_ name: ByteText, to path: String, _ session: ClientSession) async throws(ClientError) {
    // A report would mix with the bytes, also where standard output goes by another name.
    if path == "-" || OutputTarget.isStandardOutput(path) {
      _ = try await session.client.download(name, to: .standardOutput)
      return
    }
    let item = item(session, name, nil) { () throws(ClientError) in try OutputTarget.find(path) }
    try session.show(await Transfers(session: session, options: transfer).run([item]), "received")
  }
}
