import Foundation
import Glibc

/// A small file with a secret: only its owner may read it.
enum PrivateFile {
  /// Writes a file that is whole or not there, also after a power cut; replaces one of the same name.
  static func write(_ bytes: [UInt8], to path: String) throws {
    let temporary = path + ".new"
    unlink(temporary)
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
    defer { close(descriptor) }
    guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0,
      rename(temporary, path) == 0
    else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
    let folder = open((path as NSString).deletingLastPathComponent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard folder >= 0 else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
    defer { close(folder) }
    guard fsync(folder) == 0 else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
  }
}
