internal import Glibc

/// A directory by its path.
struct Directory: Hashable, Sendable {
  struct Entry {
    let name: String
    let isDirectory: Bool
  }

  let path: String

  var exists: Bool {
    var status = stat()
    return stat(path, &status) == 0
  }

  func appending(_ name: String) -> Directory {
    Directory(path: path + "/" + name)
  }

  /// Makes it, if it is not there. Its parent must be.
  ///
  /// - Returns: whether it was made. The caller syncs the parent.
  func create() throws(StorageError) -> Bool {
    if mkdir(path, 0o750) == 0 { return true }
    let code = errno
    guard code == EEXIST else { throw .io(SystemError(call: "mkdir", code: code), path: path) }
    return false
  }

  /// Makes what is missing of it and of the directories above, and syncs each that got an entry: a directory that has
  /// entries is durable itself.
  func createAll(below root: Directory? = nil) throws(StorageError) {
    if self == root || exists { return }
    let parent = self.parent
    try parent.createAll(below: root)
    if parent != root { try parent.syncOwnEntry() }
    guard try create() else { return }
    do throws(StorageError) { try parent.sync() } catch {
      // The next try would take it for durable.
      rmdir(path)
      throw error
    }
  }

  /// Makes the directory's entry in its parent durable: whoever made it may have died before that. A parent that can't
  /// be opened was made by somebody else.
  func syncOwnEntry() throws(StorageError) {
    do throws(StorageError) { try parent.sync() } catch {
      guard case .io(let cause, _) = error, cause.code == EACCES || cause.code == EPERM else { throw error }
    }
  }

  private var parent: Directory {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return Directory(path: ".") }
    return Directory(path: slash == path.startIndex ? "/" : String(path[..<slash]))
  }

  /// Makes additions, renames and removals of its entries durable.
  func sync() throws(StorageError) {
    do throws(SystemError) {
      let descriptor = try SystemError.check("open") { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
      defer { close(descriptor) }
      _ = try SystemError.check("fsync") { fsync(descriptor) }
    } catch {
      throw .io(error, path: path)
    }
  }

  func entries() throws(StorageError) -> [Entry] {
    guard let stream = opendir(path) else { throw .io(SystemError(call: "opendir", code: errno), path: path) }
    defer { closedir(stream) }
    var entries: [Entry] = []
    while let entry = readdir(stream) {
      // By pointer: the entry ends with its name, so copying the whole declared field would read past it.
      let start = UnsafeRawPointer(entry) + (MemoryLayout<dirent>.offset(of: \.d_name) ?? 0)
      let name = String(cString: start.assumingMemoryBound(to: CChar.self))
      guard name != ".", name != ".." else { continue }
      var isDirectory = entry.pointee.d_type == UInt8(DT_DIR)
      if entry.pointee.d_type == UInt8(DT_UNKNOWN) {
        // Some file systems leave the type to stat.
        var status = stat()
        isDirectory = stat(path + "/" + name, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
      }
      entries.append(Entry(name: name, isDirectory: isDirectory))
    }
    return entries
  }

  /// Removes the file `name`; that it is gone already is fine.
  func remove(_ name: String) throws(StorageError) {
    guard unlink(path + "/" + name) != 0 else { return }
    let code = errno
    guard code == ENOENT else { throw .io(SystemError(call: "unlink", code: code), path: path + "/" + name) }
  }
}
