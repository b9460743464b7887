internal import CLinux
package import CairnModel
internal import Glibc

/// Which files go up under which names, as a command line says it.
package enum UploadTargets {
  package enum Kind: Hashable, Sendable {
    case absent, file, folder
  }

  package enum Source: Hashable, Sendable {
    case standardInput
    case file(String)
    case folder(String)
  }

  package struct Target: Hashable, Sendable {
    package var source: Source
    /// Of a folder: what stands before its files' relative paths, with a slash at its end.
    package var name: ByteText
  }

  /// Why a command line says nothing that can be done.
  package struct Mistake: Error, Hashable, CustomStringConvertible {
    package let description: String
  }

  static let standardInput: ByteText = "-"

  /// - Parameters:
  ///   - words: what was given: files, folders, `-`, and maybe the name as the last one.
  ///   - name: the name, where it was given apart.
  ///   - folderName: the name of a folder that its path doesn't tell, as of `.`.
  ///   - kind: what there is at a path.
  package static func find(
    _ words: [ByteText], name: ByteText?, folderName: (String) -> String, kind: (String) -> Kind
  ) throws(Mistake) -> [Target] {
    var paths = words
    var name = name
    if name == nil, paths.count > 1, let last = paths.last {
      let isName =
        last.endsWithSlash || paths.contains(standardInput) || (paths.count == 2 && kind(last.string) == .absent)
      if isName { name = paths.removeLast() }
    }
    guard !paths.isEmpty else { throw Mistake(description: "Give a file, a folder, or - for standard input") }
    guard paths.count == 1 || name?.endsWithSlash != false else {
      throw Mistake(description: "Several files need a NAME that ends with a slash, as in `cairn put A B photos/`")
    }
    return try paths.map { path throws(Mistake) in
      if path == standardInput {
        guard let name, !name.endsWithSlash else {
          throw Mistake(description: "Standard input needs a NAME, as in `cairn put - backup.tar`")
        }
        return Target(source: .standardInput, name: name)
      }
      let own = ByteText(LocalPath.split(path.string)?.name ?? folderName(path.string))
      let stored = name.map { $0.endsWithSlash ? $0 + own : $0 } ?? own
      if kind(path.string) == .folder {
        return Target(source: .folder(path.string), name: NameMapping.folder(stored))
      }
      return Target(source: .file(path.string), name: stored)
    }
  }

  /// What there is at a path; a symbolic link that is given by name is followed.
  package static func kind(_ path: String) -> Kind {
    var status = stat()
    guard stat(path, &status) == 0 else { return .absent }
    return status.st_mode & S_IFMT == S_IFDIR ? .folder : .file
  }
}
