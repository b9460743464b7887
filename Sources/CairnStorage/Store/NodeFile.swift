internal import CairnModel
internal import FoundationEssentials
internal import Glibc
internal import NIOCore

/// `node.json`: who this node is, and what was decided when its storage path was first used.
struct NodeFile: Codable, Hashable, Sendable {
  static let formatVersion: UInt8 = 1
  static let name = "node.json"
  /// Bytes that are read of it at most; it has about 100.
  private static let lengthMax = 64 << 10

  var formatVersion = Self.formatVersion
  var node: NodeID
  /// Entries in any directory of the volume tree.
  var directoryEntriesMax: Int

  /// Only this much is read first: the rest may have changed its meaning.
  private struct Version: Decodable {
    var formatVersion: UInt8
  }

  /// Reads the file under `directory`, or makes one with a new id. The id is on disk when this returns.
  ///
  /// - Throws: ``StorageError/identityMissing(path:)``, ``StorageError/format(_:path:)``, ``StorageError/io(_:path:)``.
  static func readOrMake(
    in directory: Directory, hasVolumes: Bool, directoryEntriesMax: Int, operations: FileOperations
  ) throws(StorageError) -> NodeFile {
    let path = directory.path + "/" + name
    let temporary = name + VolumePaths.temporaryExtension
    try directory.remove(temporary)
    if let node = try read(path, operations: operations) { return node }
    // It is made before the first volume, so no crash can lose it alone.
    if hasVolumes { throw .identityMissing(path: path) }
    let node = NodeFile(node: .make(), directoryEntriesMax: directoryEntriesMax)
    let file = try OpenFile(directory.path + "/" + temporary, flags: O_RDWR | O_CREAT | O_TRUNC, operations: operations)
    let text = try node.encoded(path)
    do throws(SystemError) {
      try text.withUnsafeBufferPointer { (text) throws(SystemError) in
        try file.write(UnsafeRawBufferPointer(text), at: 0)
      }
      try file.sync()
      try operations.rename(file.path, path)
    } catch {
      throw .io(error, path: path)
    }
    try directory.sync()
    return node
  }

  private func encoded(_ path: String) throws(StorageError) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    do {
      return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
    } catch {
      throw .format(.badField(what: Self.name, tag: 0), path: path)
    }
  }

  private static func read(_ path: String, operations: FileOperations) throws(StorageError) -> NodeFile? {
    let file: OpenFile
    do throws(StorageError) {
      file = try OpenFile(path, flags: O_RDONLY, operations: operations)
    } catch {
      if case .io(let cause, _) = error, cause.code == ENOENT { return nil }
      throw error
    }
    let text = Data(try file.read(lengthMax, at: 0).readableBytesView)
    let decoder = JSONDecoder()
    guard let version = try? decoder.decode(Version.self, from: text).formatVersion else {
      throw .format(.missingField(what: name, name: "formatVersion"), path: path)
    }
    guard version <= formatVersion else {
      throw .format(.newerVersion(what: name, found: version, supported: formatVersion), path: path)
    }
    guard let node = try? decoder.decode(NodeFile.self, from: text) else {
      throw .format(.missingField(what: name, name: "node"), path: path)
    }
    // The shape of the tree of volumes follows from it.
    guard StorageConfiguration.directoryEntriesAllowed.contains(node.directoryEntriesMax) else {
      throw .format(.missingField(what: name, name: "directoryEntriesMax"), path: path)
    }
    return node
  }
}
