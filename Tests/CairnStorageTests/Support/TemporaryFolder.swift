import Foundation

/// A folder of a test's own, removed with the value.
final class TemporaryFolder: Sendable {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "cairn-storage-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }

  /// A copy as of now: what a crash at this moment would leave, apart from what the kernel still held back.
  func copy() throws -> TemporaryFolder {
    let copy = try TemporaryFolder()
    try FileManager.default.removeItem(atPath: copy.path)
    try FileManager.default.copyItem(atPath: path, toPath: copy.path)
    return copy
  }

  /// Paths of all files in the folder whose names end so.
  func files(endingIn suffix: String) -> [String] {
    (FileManager.default.subpaths(atPath: path) ?? []).filter { $0.hasSuffix(suffix) }.sorted().map { path + "/" + $0 }
  }

  /// The one file in the folder whose name ends so.
  func file(endingIn suffix: String) throws -> String {
    let found = files(endingIn: suffix)
    guard let file = found.first, found.count == 1 else { throw Surprise("\(found.count) files end in \(suffix)") }
    return file
  }

  /// The largest number of entries in any directory of the folder.
  var entriesMax: Int {
    let below = FileManager.default.subpaths(atPath: path) ?? []
    return ([path] + below.map { path + "/" + $0 }).reduce(0) { most, path in
      max(most, (try? FileManager.default.contentsOfDirectory(atPath: path))?.count ?? 0)
    }
  }
}

struct Surprise: Error {
  let text: String

  init(_ text: String) {
    self.text = text
  }
}

func readFile(_ path: String) throws -> [UInt8] {
  Array(try Data(contentsOf: URL(fileURLWithPath: path)))
}

func writeFile(_ path: String, _ bytes: some Sequence<UInt8>) throws {
  try Data(bytes).write(to: URL(fileURLWithPath: path))
}
