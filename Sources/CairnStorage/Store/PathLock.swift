internal import CairnModel
internal import Glibc
internal import NIOCore

/// Keeps a storage path to one process: an advisory lock that ends with the process, whatever ends it.
final class PathLock: Sendable {
  static let name = "lock"

  private let file: OpenFile

  /// Said aloud, because closing the file is not enough while a child of this process is being started: until it
  /// becomes another program it shares the lock.
  deinit {
    file.unlock()
  }

  /// - Throws: ``StorageError/pathInUse(path:by:)``.
  init(_ directory: Directory, operations: FileOperations) throws(StorageError) {
    let path = directory.path + "/" + Self.name
    file = try OpenFile(path, flags: O_RDWR | O_CREAT, operations: operations)
    guard file.lock() else {
      let owner = try file.read(32, at: 0)
      let text = String(decoding: owner.readableBytesView.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
      throw .pathInUse(path: directory.path, by: text.isEmpty ? "another process" : text)
    }
    do throws(SystemError) {
      // Only for people: the lock itself is the kernel's.
      try file.truncate(to: 0)
      try ByteBuffer(string: "pid \(getpid())\n").withReadableBytes { (text) throws(SystemError) in
        try file.write(text, at: 0)
      }
    } catch {
      throw .io(error, path: path)
    }
  }
}
