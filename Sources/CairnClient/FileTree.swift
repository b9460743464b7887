internal import CLinux
package import CairnModel
internal import Glibc

/// The regular files below a folder, and what can't be taken along.
package struct FileTree: Sendable {
  package struct File: Hashable, Sendable {
    /// From the folder, words between slashes.
    package var relativePath: ByteText
    package var path: String
    /// Bytes.
    package var size: UInt64
  }

  package struct Problem: Hashable, Sendable {
    package var path: String
    package var reason: String
    /// Something is missing that should be there; false for what is left out on purpose.
    package var isError: Bool

    package init(path: String, reason: String, isError: Bool) {
      self.path = path
      self.reason = reason
      self.isError = isError
    }

    package var description: String { "\(BlobClient.quoted(path)): \(reason)" }
  }

  /// Folders within folders: more is a loop, or nothing that a path could name.
  private static let depthMax = 256

  private let followsLinks: Bool
  package private(set) var files: [File] = []
  package private(set) var problems: [Problem] = []

  /// Looks at everything below `root`.
  ///
  /// - Parameter followsLinks: takes along what symbolic links point to; else they are told as problems.
  package init(_ root: String, followsLinks: Bool) {
    self.followsLinks = followsLinks
    var identity = stat()
    guard stat(root, &identity) == 0 else {
      problems.append(Problem(path: root, reason: systemReason(), isError: true))
      return
    }
    visit(root, nil, above: [Identity(identity)])
    files.sort { $0.relativePath < $1.relativePath }
  }

  private struct Identity: Hashable {
    let device: UInt
    let file: UInt

    init(_ status: stat) {
      device = UInt(status.st_dev)
      file = UInt(status.st_ino)
    }
  }

  private mutating func visit(_ folder: String, _ relative: ByteText?, above: Set<Identity>) {
    guard let stream = opendir(folder) else {
      problems.append(Problem(path: folder, reason: systemReason(), isError: true))
      return
    }
    defer { closedir(stream) }
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        if errno != 0 { problems.append(Problem(path: folder, reason: systemReason(), isError: true)) }
        return
      }
      let bytes = Self.name(entry)
      guard let name = ByteText(utf8: bytes) else {
        problems.append(
          Problem(
            path: LocalPath.appending(folder, Self.escaped(bytes)),
            reason: "its name is not UTF-8, and names on the server are: rename it", isError: true))
        continue
      }
      guard name != ".", name != ".." else { continue }
      let path = LocalPath.appending(folder, name.string)
      guard !PartFile.isName(name) else {
        problems.append(Problem(path: path, reason: "a part of an interrupted download, left out", isError: false))
        continue
      }
      take(path, relative.map { $0 + "/" + name } ?? name, above: above)
    }
  }

  private mutating func take(_ path: String, _ relative: ByteText, above: Set<Identity>) {
    var status = stat()
    guard lstat(path, &status) == 0 else {
      problems.append(Problem(path: path, reason: systemReason(), isError: true))
      return
    }
    if status.st_mode & S_IFMT == S_IFLNK {
      guard followsLinks else {
        problems.append(
          Problem(path: path, reason: "a symbolic link, left out (--follow-links takes them)", isError: false))
        return
      }
      guard stat(path, &status) == 0 else {
        problems.append(Problem(path: path, reason: "a symbolic link to nothing: \(systemReason())", isError: true))
        return
      }
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: files.append(File(relativePath: relative, path: path, size: UInt64(status.st_size)))
    case S_IFDIR:
      let identity = Identity(status)
      guard !above.contains(identity) else {
        problems.append(Problem(path: path, reason: "a symbolic link to a folder that it is in", isError: true))
        return
      }
      guard above.count < Self.depthMax else {
        problems.append(
          Problem(path: path, reason: "more than \(Self.depthMax) folders within folders: move it up", isError: true))
        return
      }
      visit(path, relative, above: above.union([identity]))
    default:
      problems.append(Problem(path: path, reason: "not a regular file, left out", isError: false))
    }
  }

  /// A file name that is not UTF-8, as people read it.
  package static func escaped(_ bytes: [UInt8]) -> String {
    bytes.map { (0x20..<0x7F).contains($0) ? String(Unicode.Scalar($0)) : "\\x" + String($0, radix: 16) }.joined()
  }

  private static func name(_ entry: UnsafeMutablePointer<dirent>) -> [UInt8] {
    withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
  }
}
