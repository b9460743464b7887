import ArgumentParser
import CairnClient
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
      Symbolic links given by name are followed; those found in folders are left out and told. Files that can't be read and \
      names that are not UTF-8 are told, the others go on, and the command ends with 1.
      """)

  @Argument(help: "Files, folders, or - for standard input; maybe the name to store under as the last one.")
  var sources: [String]
  @Option(name: .shortAndLong, help: "The name to store under; with a slash at its end, own names are added.")
  var name: String?
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
      sources, name: name, folderName: { URL(fileURLWithPath: $0).standardizedFileURL.lastPathComponent },
      kind: UploadTargets.kind)
  }

  func validate() throws {
    do throws(UploadTargets.Mistake) { _ = try targets() } catch { throw ValidationError("\(error)") }
  }

  func run(_ session: ClientSession) async throws(ClientError) {
    let targets: [UploadTargets.Target]
    do throws(UploadTargets.Mistake) { targets = try self.targets() } catch { throw .local("\(error)") }
    var items: [Transfers.Item] = []
    var problems: [FileTree.Problem] = []
    for target in targets {
      switch target.source {
      case .standardInput: items.append(item(session, nil, size: nil, target.name))
      case .file(let path): items.append(item(session, path, size: size(path), target.name))
      case .folder(let path):
        let tree = FileTree(path, followsLinks: followLinks)
        problems += tree.problems
        items += tree.files.map { item(session, $0.path, size: $0.size, target.name + $0.relativePath) }
      }
    }
    try session.show(await Transfers(session: session, options: transfer).run(items, problems: problems), "stored")
  }

  /// - Parameter path: nil for standard input.
  private func item(_ session: ClientSession, _ path: String?, size: UInt64?, _ name: String) -> Transfers.Item {
    let (overwrite, contentType, client) = (!noOverwrite, contentType, session.client)
    return Transfers.Item(label: name, size: size) { transfer throws(ClientError) in
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

  /// 0 where there is none, which opening it will tell.
  private func size(_ path: String) -> UInt64? {
    (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? UInt64) ?? 0
  }
}
