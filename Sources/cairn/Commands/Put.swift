import ArgumentParser
import CairnClient
import CairnModel
import Foundation

/// `cairn put` uploads files, folders and standard input.
struct Put: ClientCommand {
  static let configuration = CommandConfiguration(
    abstract: "Upload files, folders (-: standard input), verified end to end.",
    discussion: """
      A file is stored under its own name, a folder's files under the folder's name and their paths below it. The last word \
      is the NAME to store under where it ends with a slash (then own names are added), where standard input is given, or \
      where it is the second of two and no such file exists; --name says it in any case.
        cairn put photo.jpg                 as photo.jpg
        cairn put photo.jpg 2026/beach.jpg  as 2026/beach.jpg
        cairn put a.txt b.txt docs/         as docs/a.txt and docs/b.txt
        cairn put photos/ backup/           photos/x/y.jpg as backup/photos/x/y.jpg
        tar c src | cairn put - src.tar
      A file larger than --part-size goes up in parts of that size: when it is interrupted, the same command goes on where \
      it stood, for up to the server's MULTIPART_EXPIRY (a week).
      Symbolic links given by name are followed; those found in folders are reported and left out. Files that can't be read \
      and names that are not UTF-8 are reported, the other files are stored, and the command ends with 1. Two files that \
      would get the same name are refused before anything is stored.
      """)

  @Argument(help: "Files, folders, or - for standard input; maybe the name to store under as the last one.")
  var sources: [ByteText]
  @Option(name: .shortAndLong, help: "The name to store under; with a slash at its end, own names are added.")
  var name: ByteText?
  @Option(help: "The files' media type. (default: application/octet-stream)")
  var contentType: String?
  @Flag(help: "Leave what has the name already as it is, and fail.")
  var noOverwrite = false
  @Flag(help: "Take along what symbolic links in folders point to.")
  var followLinks = false
  @OptionGroup var transfer: TransferOptions
  @OptionGroup var options: ClientOptions

  var transferOptions: TransferOptions? { transfer }

  private func targets() throws(UploadTargets.Mistake) -> [UploadTargets.Target] {
    try UploadTargets.find(
      sources, name: name, folderName: { LocalPath.split(LocalPath.absolute($0))?.name ?? "" },
      kind: UploadTargets.kind)
  }

  func validate() throws {
    do throws(UploadTargets.Mistake) { _ = try targets() } catch { throw ValidationError("\(error)") }
  }

  func run(_ session: ClientSession) async throws(ClientError) {
    let targets: [UploadTargets.Target]
    do throws(UploadTargets.Mistake) { targets = try self.targets() } catch { throw .local("\(error)") }
    var sources: [Source] = []
    var problems: [FileTree.Problem] = []
    for target in targets {
      switch target.source {
      case .standardInput: sources.append(Source(path: nil, size: nil, name: target.name))
      case .file(let path): sources.append(Source(path: path, size: LocalFile.size(path), name: target.name))
      case .folder(let path):
        let tree = FileTree(path, followsLinks: followLinks)
        problems += tree.problems
        sources += tree.files.map { Source(path: $0.path, size: $0.size, name: target.name + $0.relativePath) }
      }
    }
    try TransferConflicts.refuse(sources.map { ($0.path ?? "standard input", $0.name) })
    let items = sources.map { item(session, $0) }
    try session.show(await Transfers(session: session, options: transfer).run(items, problems: problems), "stored")
  }

  private struct Source {
    /// nil for standard input.
    var path: String?
    var size: UInt64?
    var name: ByteText
  }

  private func item(_ session: ClientSession, _ source: Source) -> Transfers.Item {
    let (overwrite, contentType, client) = (!noOverwrite, contentType, session.client)
    let (path, name) = (source.path, source.name)
    return Transfers.Item(label: name.string, size: source.size) { transfer throws(ClientError) in
      let stored =
        if let path {
          try await client.uploadFile(
            path, as: name, overwrite: overwrite, contentType: contentType, transfer: transfer)
        } else {
          try await client.upload(
            StreamSource(STDIN_FILENO), as: name, overwrite: overwrite, contentType: contentType, transfer: transfer)
        }
      return FileReport(
        action: "put", name: stored.name, path: path, size: stored.size, md5: stored.md5, sha256: stored.checksum)
    }
  }
}
