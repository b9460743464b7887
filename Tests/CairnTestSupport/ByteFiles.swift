package import Foundation

/// Files below a folder whose names are bytes, as the system has them: Foundation's paths are texts.
package struct ByteFiles: Sendable {
  package typealias Name = [UInt8]

  package let root: String

  package init(_ root: String) {
    self.root = root
  }

  package struct Failure: Error, CustomStringConvertible {
    package let description: String
  }

  /// Makes a file, and the folders above it.
  package func write(_ name: Name, _ bytes: Data) throws {
    try makeFolders(of: name)
    let descriptor = try withPath(name) { open($0, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o644) }
    defer { close(descriptor) }
    let written = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
    guard written == bytes.count else { throw failure(name) }
  }

  package func write(_ name: String, _ bytes: Data) throws { try write(Array(name.utf8), bytes) }

  package func link(_ name: Name, to target: String) throws {
    try makeFolders(of: name)
    _ = try withPath(name) { symlink(target, $0) }
  }

  package func pipe(_ name: Name) throws {
    try makeFolders(of: name)
    _ = try withPath(name) { mkfifo($0, 0o600) }
  }

  /// Every regular file by its path below the root. Symbolic links are not followed.
  package func all() throws -> [Name: Data] {
    var files: [Name: Data] = [:]
    try visit([], &files)
    return files
  }

  private func visit(_ folder: Name, _ files: inout [Name: Data]) throws {
    guard let stream = try? withPointer(folder, opendir) else { return }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let word = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      guard word != [0x2E], word != [0x2E, 0x2E] else { continue }
      let name = folder.isEmpty ? word : folder + [0x2F] + word
      var status = stat()
      _ = try withPath(name) { lstat($0, &status) }
      switch status.st_mode & S_IFMT {
      case S_IFDIR: try visit(name, &files)
      case S_IFREG: files[name] = try contents(name)
      default: break
      }
    }
  }

  private func contents(_ name: Name) throws -> Data {
    let descriptor = try withPath(name) { open($0, O_RDONLY) }
    return try FileHandle(fileDescriptor: descriptor, closeOnDealloc: true).readToEnd() ?? Data()
  }

  private func makeFolders(of name: Name) throws {
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    for (index, byte) in name.enumerated() where byte == 0x2F {
      _ = try? withPath(Array(name[..<index])) { mkdir($0, 0o755) }
    }
  }

  private func withPath(_ name: Name, _ call: (UnsafePointer<CChar>) -> Int32) throws -> Int32 {
    let result = try withPointer(name) { call($0) as Int32? } ?? -1
    guard result >= 0 else { throw failure(name) }
    return result
  }

  private func withPointer<Result>(_ name: Name, _ call: (UnsafePointer<CChar>) -> Result?) throws -> Result? {
    let path = (Array(root.utf8) + [0x2F] + name + [0]).map(CChar.init(bitPattern:))
    return path.withUnsafeBufferPointer { $0.baseAddress.flatMap(call) }
  }

  private func failure(_ name: Name) -> Failure {
    Failure(description: "\(root)/\(String(decoding: name, as: UTF8.self)): \(String(cString: strerror(errno)))")
  }
}
