package import CairnModel

/// Which names of a server can be written below a folder together, and why others can't.
package struct DownloadNames {
  package private(set) var paths: [RelativePath] = []
  package private(set) var problems: [(name: ByteText, reason: String)] = []

  /// - Parameter names: relative to the folder.
  package init(_ names: [ByteText]) {
    for name in names {
      do throws(InvalidPath) { paths.append(try RelativePath(name)) } catch { problems.append((name, "\(error)")) }
    }
    // No file system holds both `a` and `a/b` as files.
    let folders = Set(paths).intersection(paths.flatMap(\.ancestors))
    problems += paths.filter(folders.contains).map { path in
      (path.text, "\(InvalidPath(reason: "is also the folder of other names"))")
    }
    paths.removeAll(where: folders.contains)
  }
}
