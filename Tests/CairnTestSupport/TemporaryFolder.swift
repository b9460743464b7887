import Foundation

/// A new folder under `TMPDIR`, with a short path so that Unix sockets fit, removed with this object.
package final class TemporaryFolder: Sendable {
  package let path: String

  /// - Parameter parent: another folder than `TMPDIR`.
  package init(_ name: String, in parent: String? = nil) throws {
    let root = parent ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(root)/cairn-\(name)-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw GuardedProcess.SpawnError(executable: "mkdtemp \(root)", code: errno)
    }
    path = String(decoding: template.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  deinit {
    try? FileManager.default.removeItem(atPath: path)
  }
}
