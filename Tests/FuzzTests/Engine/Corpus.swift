import Foundation

/// Inputs that were found by fuzzing, in the tree: `Corpus/TARGET/…`.
enum Corpus {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().appending(
    path: "Corpus")

  static func inputs(of target: FuzzTarget) throws -> [(path: String, bytes: [UInt8])] {
    let own = folder.appending(path: target.name)
    guard FileManager.default.fileExists(atPath: own.path) else { return [] }
    return try FileManager.default.contentsOfDirectory(atPath: own.path).sorted().map { name in
      let file = own.appending(path: name)
      return (file.path, Array(try Data(contentsOf: file)))
    }
  }

  /// Folders that no target has.
  static func strays() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { name in
      !FuzzTarget.all.contains { $0.name == name }
    }
  }
}
