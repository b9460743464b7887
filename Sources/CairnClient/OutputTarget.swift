internal import CLinux
internal import CairnModel
package import Foundation
internal import Glibc

/// What a path is to which a user has a single file written.
package enum OutputTarget: Sendable {
  /// A regular file, or none yet. Where the user named a symbolic link, it is what the link points to.
  case file(DownloadPlace)
  /// A pipe, a device, or a file that this process has open: written to, and never replaced.
  case stream(OutputDescriptor)

  /// Links that are followed: as many as the kernel follows.
  private static let linksMax = 40

  /// - Parameter path: of a file; its folder is made where it is missing.
  package static func find(_ path: String) throws(ClientError) -> OutputTarget {
    var current = path
    for _ in 0..<linksMax {
      var status = stat()
      if lstat(current, &status) != 0 {
        guard errno == ENOENT else { throw .local("\(BlobClient.quoted(path)) can't be written: \(systemReason())") }
        return .file(try place(current, path))
      }
      switch status.st_mode & S_IFMT {
      case S_IFREG: return .file(try place(current, path))
      case S_IFDIR: throw .local("\(BlobClient.quoted(path)) is a folder: give a slash at its end to write into it")
      case S_IFLNK:
        if let open = try openFile(current) { return .stream(open) }
        current = try target(ofLink: current, path)
      default: return .stream(try OutputDescriptor(path))
      }
    }
    throw .local("\(BlobClient.quoted(path)) can't be written: \(systemReason(ELOOP))")
  }

  /// Whether a path is what standard output goes to, as `/dev/stdout` is.
  package static func isStandardOutput(_ path: String) -> Bool {
    var (named, output) = (stat(), stat())
    return path.utf8.elementsEqual("-".utf8)
      || stat(path, &named) == 0 && fstat(STDOUT_FILENO, &output) == 0 && named.st_dev == output.st_dev
        && named.st_ino == output.st_ino
  }

  package func write(_ bytes: Data, files: TemporaryFiles) throws(ClientError) {
    switch self {
    case .file(let place): try place.write(bytes, files: files)
    case .stream(let output): try output.write(bytes)
    }
  }

  private static func place(_ current: String, _ path: String) throws(ClientError) -> DownloadPlace {
    guard current.utf8.last != ByteText.slash, let (folder, name) = LocalPath.split(current) else {
      throw .local("\(BlobClient.quoted(path)) is no name of a file: give one")
    }
    let entry = FolderEntry(folder: try DownloadFolder.openMaking(folder), name: name)
    return DownloadPlace(entry, path: path)
  }

  private static func target(ofLink link: String, _ path: String) throws(ClientError) -> String {
    var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let count = bytes.withUnsafeMutableBytes { room in
      room.withMemoryRebound(to: CChar.self) { room in room.baseAddress.map { readlink(link, $0, room.count) } ?? -1 }
    }
    guard count >= 0 else { throw .local("\(BlobClient.quoted(path)) can't be written: \(systemReason())") }
    guard let target = ByteText(utf8: bytes.prefix(count)) else {
      throw .local("\(BlobClient.quoted(path)) is a symbolic link to a name that is not UTF-8: give another path")
    }
    if target.string.utf8.first == ByteText.slash { return target.string }
    return LocalPath.appending(LocalPath.split(link)?.folder ?? ".", target.string)
  }

  /// What a symbolic link of procfs stands for, as `/dev/stdout` and `/dev/fd/3` lead to: something that is open, whatever
  /// its name is now. nil for every other link.
  private static func openFile(_ link: String) throws(ClientError) -> OutputDescriptor? {
    guard let (folder, name) = LocalPath.split(link), let real = realpath(folder, nil) else { return nil }
    defer { free(real) }
    let path = ByteText(String(cString: real))
    guard path.starts(with: "/proc/") else { return nil }
    guard path == "/proc/\(getpid())/fd", let number = Int32(name) else { return try OutputDescriptor(link) }
    return try OutputDescriptor(copyOf: number, path: link)
  }
}

/// Something that takes bytes in their order and gives none back: standard output, a pipe, a device.
package struct OutputDescriptor: Sendable {
  package static let standardOutput = OutputDescriptor(Descriptor(dup(STDOUT_FILENO)), nil)

  private let descriptor: Descriptor
  /// nil for standard output.
  let path: String?

  private init(_ descriptor: Descriptor, _ path: String?) {
    self.descriptor = descriptor
    self.path = path
  }

  init(copyOf number: Int32, path: String) throws(ClientError) {
    let copy = dup(number)
    guard copy >= 0 else { throw .local("\(BlobClient.quoted(path)) can't be written: \(systemReason())") }
    self.init(Descriptor(copy), path)
  }

  /// - Parameter path: of something that exists; opening a pipe waits for its reader.
  init(_ path: String) throws(ClientError) {
    let number = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC)
    guard number >= 0 else { throw .local("\(BlobClient.quoted(path)) can't be written: \(systemReason())") }
    self.init(Descriptor(number), path)
  }

  /// Writes bytes with as many calls as it takes.
  package func write(_ bytes: UnsafeRawBufferPointer) throws(ClientError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = Glibc.write(descriptor.number, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { throw failure(errno) }
      rest = rest.dropFirst(written)
    }
  }

  package func write(_ bytes: Data) throws(ClientError) {
    let failure = bytes.withUnsafeBytes { bytes -> ClientError? in
      do throws(ClientError) { try write(bytes) } catch { return error }
      return nil
    }
    if let failure { throw failure }
  }

  private func failure(_ code: Int32) -> ClientError {
    guard let path else {
      return code == EPIPE ? .outputClosed : .local("Standard output can't be written: \(systemReason(code))")
    }
    return .local("\(BlobClient.quoted(path)) can't be written: \(systemReason(code))")
  }
}
