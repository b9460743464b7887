internal import CLinux
internal import CairnModel
internal import Glibc

/// An open file or folder, closed with the last reference to it.
final class Descriptor: Sendable {
  let number: Int32

  init(_ number: Int32) {
    self.number = number
  }

  deinit {
    close(number)
  }

  /// Opens a folder that a user named: symbolic links are followed. nil with `errno` where that fails.
  convenience init?(folder path: String) {
    let number = open(path, cairn_open_path | O_DIRECTORY | O_CLOEXEC)
    guard number >= 0 else { return nil }
    self.init(number)
  }

  /// Opens a folder in this one, and never a symbolic link. nil with `errno` where that fails.
  func folder(_ name: String) -> Descriptor? {
    let number = openat(self.number, name, cairn_open_path | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    return number >= 0 ? Descriptor(number) : nil
  }

  /// Opens a folder below this one in a single call, without following any symbolic link. nil with `errno` where that
  /// fails, also on kernels that can't do it.
  func folderBeneath(_ path: String) -> Descriptor? {
    let number = cairn_open_folder_beneath(self.number, path)
    return number >= 0 ? Descriptor(number) : nil
  }

  /// What has a name in this folder, symbolic links as such. nil with `errno` where that fails.
  func status(_ name: String) -> stat? {
    var status = stat()
    return fstatat(number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? status : nil
  }
}

/// A file name in an open folder.
struct FolderEntry: Hashable, Sendable {
  let folder: Descriptor
  let name: String

  static func == (left: FolderEntry, right: FolderEntry) -> Bool {
    left.folder === right.folder && left.name.hasSameBytes(as: right.name)
  }

  func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(folder)) }

  /// nil where it worked, else why not.
  func unlink() -> Int32? { unlinkat(folder.number, name, 0) == 0 ? nil : errno }

  func rename(to other: FolderEntry) -> Int32? {
    renameat(folder.number, name, other.folder.number, other.name) == 0 ? nil : errno
  }
}
