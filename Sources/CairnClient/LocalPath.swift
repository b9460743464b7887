internal import CairnModel
internal import Glibc

/// Paths of this machine, taken apart by bytes and without a look at the disk.
package enum LocalPath {
  private static let slash = ByteText.slash

  /// The folder of a path and the name in it; slashes at the end don't count. nil for a path without a name of its own,
  /// such as `/`, `.` or `a/..`.
  package static func split(_ path: String) -> (folder: String, name: String)? {
    guard let last = path.utf8.lastIndex(where: { $0 != slash }) else { return nil }
    let trimmed = path.utf8[...last]
    let name: Substring.UTF8View
    var folder = "."
    if let end = trimmed.lastIndex(of: slash) {
      name = trimmed[trimmed.index(after: end)...]
      let before = trimmed[..<end]
      folder = before.allSatisfy { $0 == slash } ? "/" : String(Substring(before))
    } else {
      name = trimmed
    }
    let text = ByteText(String(Substring(name)))
    return text == "." || text == ".." ? nil : (folder, text.string)
  }

  /// A path from the root, without `.`, `..`, or slashes that mean nothing. Symbolic links stay as they are.
  package static func absolute(_ path: String) -> String {
    var whole = path
    if path.utf8.first != slash, let folder = getcwd(nil, 0) {
      whole = String(cString: folder) + "/" + path
      free(folder)
    }
    var components: [ByteText] = []
    for component in ByteText(whole).components {
      switch component {
      case "", ".": break
      case "..": _ = components.popLast()
      default: components.append(component)
      }
    }
    return "/" + components.map(\.string).joined(separator: "/")
  }

  /// `path` followed by a file name.
  static func appending(_ path: String, _ name: String) -> String {
    path.utf8.last == slash ? path + name : path + "/" + name
  }
}
