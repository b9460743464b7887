internal import CairnModel
internal import Crypto
internal import Foundation
internal import Glibc

/// Remembers which upload in parts a file goes up with, so that the same command goes on where a killed one stood.
///
/// A small file in a folder of the user's, which is locked while its upload runs. Without a folder nothing is remembered.
final class UploadMemory: @unchecked Sendable {
  private let descriptor: Int32?
  private let path: String

  /// - Parameters:
  ///   - folder: nil to remember nothing.
  ///   - identity: what the upload is of; another one has another memory.
  init(folder: String?, identity: String) {
    guard let folder else {
      (descriptor, path) = (nil, "")
      return
    }
    let name = hexadecimalString(Array(SHA256.hash(data: Data(identity.utf8)).prefix(16)))
    path = "\(folder)/\(name)"
    try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let opened = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
    if opened >= 0, flock(opened, LOCK_EX | LOCK_NB) != 0 {
      // The same upload runs already: this one goes its own way.
      close(opened)
      descriptor = nil
    } else {
      descriptor = opened >= 0 ? opened : nil
    }
  }

  deinit {
    if let descriptor { close(descriptor) }
  }

  /// The id of the upload that was begun; nil where none was.
  var upload: String? {
    guard let descriptor else { return nil }
    var bytes = [UInt8](repeating: 0, count: 64)
    let count = pread(descriptor, &bytes, bytes.count, 0)
    guard count > 0 else { return nil }
    let text = String(decoding: bytes.prefix(count), as: UTF8.self)
    return text.allSatisfy(\.isHexDigit) ? text : nil
  }

  func remember(_ upload: String) {
    guard let descriptor else { return }
    let bytes = Array(upload.utf8)
    guard ftruncate(descriptor, 0) == 0 else { return }
    _ = pwrite(descriptor, bytes, bytes.count, 0)
  }

  func forget() {
    if descriptor != nil { unlink(path) }
  }
}
