internal import CLinux
internal import CairnModel
internal import Glibc
internal import Synchronization

/// A folder that downloads are written below, and nowhere else.
///
/// Everything is opened, made, renamed and deleted relative to a descriptor of the folder, and no symbolic link below it
/// is followed. So nothing that a server calls a file, and nobody who moves folders meanwhile, leads a download elsewhere.
package final class DownloadFolder: Sendable {
  package let root: String
  private let opensAtOnce: Bool
  private let opened = Mutex<Descriptor?>(nil)

  /// - Parameters:
  ///   - root: made where it is missing, when the first file comes.
  ///   - opensAtOnce: false to open folders one by one, as on kernels without `openat2`.
  package init(_ root: String, opensAtOnce: Bool = true) {
    self.root = root.isEmpty ? "." : root
    self.opensAtOnce = opensAtOnce
  }

  /// The place of a file, whose folders are made where they are missing.
  ///
  /// - Throws: where something on the way is no folder, such as a symbolic link that leads elsewhere.
  package func place(_ path: RelativePath) throws(ClientError) -> DownloadPlace {
    let folder = try descend(from: try open(), path.folders, makes: true)
    return DownloadPlace(FolderEntry(folder: folder, name: path.name.string), path: shown(path.components))
  }

  /// Deletes a file.
  package func delete(_ path: RelativePath) throws(ClientError) {
    let folder = try descend(from: try open(), path.folders, makes: false)
    guard let code = FolderEntry(folder: folder, name: path.name.string).unlink(), code != ENOENT else { return }
    throw .local("\(BlobClient.quoted(shown(path.components))) can't be deleted: \(systemReason(code))")
  }

  private func open() throws(ClientError) -> Descriptor {
    try opened.withLock { opened throws(ClientError) in
      if let opened { return opened }
      let folder = try Self.openMaking(root)
      opened = folder
      return folder
    }
  }

  /// Opens a folder that a user named, and makes it and those above where they are missing.
  static func openMaking(_ path: String) throws(ClientError) -> Descriptor {
    if let folder = Descriptor(folder: path) { return folder }
    var current = path.utf8.first == ByteText.slash ? "/" : ""
    for component in ByteText(path).components where !component.isEmpty {
      current += component.string + "/"
      guard mkdir(current, 0o777) != 0, case let code = errno, code != EEXIST else { continue }
      throw .local("\(BlobClient.quoted(current)) can't be made: \(systemReason(code))")
    }
    guard let folder = Descriptor(folder: path) else {
      throw .local("\(BlobClient.quoted(path)) can't be opened as a folder: \(systemReason())")
    }
    return folder
  }

  private func descend(
    from root: Descriptor, _ names: ArraySlice<ByteText>, makes: Bool
  ) throws(ClientError) -> Descriptor {
    if names.isEmpty { return root }
    if opensAtOnce, let folder = root.folderBeneath(names.map(\.string).joined(separator: "/")) { return folder }
    // One by one: this makes what is missing, works on every kernel, and knows which folder is wrong.
    var folder = root
    for (index, name) in zip(names.indices, names) {
      let path = { self.shown(Array(names[...index])) }
      if let next = folder.folder(name.string) {
        folder = next
        continue
      }
      var code = errno
      if makes, code == ENOENT {
        guard mkdirat(folder.number, name.string, 0o777) == 0 || errno == EEXIST else {
          throw .local("\(BlobClient.quoted(path())) can't be made: \(systemReason())")
        }
        if let next = folder.folder(name.string) {
          folder = next
          continue
        }
        code = errno
      }
      guard code == ENOTDIR || code == ELOOP else {
        throw .local("\(BlobClient.quoted(path())) can't be opened: \(systemReason(code))")
      }
      throw .local("\(BlobClient.quoted(path())) is not a folder, so nothing is written below it: move it away")
    }
    return folder
  }

  private func shown(_ components: [ByteText]) -> String {
    components.reduce(root) { LocalPath.appending($0, $1.string) }
  }
}

/// Where a download is written: a name in an open folder.
package struct DownloadPlace: Sendable {
  let entry: FolderEntry
  /// As people read it.
  package let path: String

  init(_ entry: FolderEntry, path: String) {
    self.entry = entry
    self.path = path
  }

  /// What a file can't take the place of is refused before anything is transferred.
  ///
  /// - Returns: the permissions of the file that is replaced; nil where there is none.
  @discardableResult
  func checkReplaceable() throws(ClientError) -> mode_t? {
    guard let status = entry.folder.status(entry.name) else {
      guard errno == ENOENT else { throw .local("\(BlobClient.quoted(path)) can't be written: \(systemReason())") }
      return nil
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return status.st_mode & 0o777
    // The link itself is replaced, not what it points to.
    case S_IFLNK: return nil
    case S_IFDIR: throw .local("\(BlobClient.quoted(path)) is a folder, and no file replaces it: move it away")
    default: throw .local("\(BlobClient.quoted(path)) is a pipe, a device or a socket, and no file replaces it")
    }
  }
}
