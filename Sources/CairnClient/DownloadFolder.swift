internal import Glibc

/// A folder that downloads are written below, and nowhere else.
package struct DownloadFolder: Sendable {
  package let root: String

  /// - Parameter root: made where it is missing, when the first file comes.
  package init(_ root: String) {
    self.root = root.isEmpty ? "." : root
  }

  /// Makes the folders of a relative path.
  ///
  /// - Parameter relative: as from ``NameMapping/path(_:)``.
  /// - Returns: the path of the file.
  /// - Throws: where something on the way is no folder, such as a symbolic link that leads elsewhere.
  package func prepare(_ relative: String) throws(ClientError) -> String {
    var path = root
    if mkdir(path, 0o777) != 0, errno == ENOENT { try makeParents(of: path) }
    var words = relative.split(separator: "/")
    guard let file = words.popLast() else { throw .local("'\(relative)' is no file name") }
    for word in words {
      path += "/" + word
      guard mkdir(path, 0o777) != 0 else { continue }
      let code = errno
      guard code == EEXIST else { throw .local("\(BlobClient.quoted(path)) can't be made: \(systemReason(code))") }
      var status = stat()
      guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
        throw .local("\(BlobClient.quoted(path)) is no folder, so nothing is written below it: move it away")
      }
    }
    return path + "/" + file
  }

  private func makeParents(of path: String) throws(ClientError) {
    var current = path.hasPrefix("/") ? "/" : ""
    for word in path.split(separator: "/") {
      current += word + "/"
      guard mkdir(current, 0o777) != 0 else { continue }
      let code = errno
      guard code == EEXIST else { throw .local("\(BlobClient.quoted(current)) can't be made: \(systemReason(code))") }
    }
  }
}
