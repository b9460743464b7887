package import CairnModel

/// Where a file is below a folder: one or more file names between slashes, none of which leads anywhere else.
package struct RelativePath: Hashable, Comparable, Sendable {
  /// Bytes of a file name (NAME_MAX of Linux).
  package static let componentLengthMax = 255

  package let text: ByteText
  package let components: [ByteText]

  /// - Parameter text: a name of the server, or a part of one.
  /// - Throws: ``InvalidPath`` for one that can't be a path below a folder, such as one with `..`.
  package init(_ text: ByteText) throws(InvalidPath) {
    components = text.components
    self.text = text
    for component in components {
      if let reason = Self.reasonAgainst(component) { throw InvalidPath(reason: reason) }
    }
  }

  private init(joining components: [ByteText]) {
    self.components = components
    text = ByteText(components.map(\.string).joined(separator: "/"))
  }

  package var name: ByteText { components.last ?? "" }

  /// From the outermost one.
  package var folders: ArraySlice<ByteText> { components.dropLast() }

  /// The paths of the folders that the file is in, from the outermost one.
  package var ancestors: [RelativePath] {
    components.indices.dropFirst().map { RelativePath(joining: Array(components[..<$0])) }
  }

  package static func < (left: RelativePath, right: RelativePath) -> Bool { left.text < right.text }

  private static func reasonAgainst(_ component: ByteText) -> String? {
    if component.isEmpty { return "has an empty component: it starts or ends with a slash, or has two in a row" }
    if component == "." || component == ".." { return "has the component '\(component)'" }
    if component.contains(0) { return "has a zero byte" }
    if component.count > componentLengthMax {
      return "has a component of \(component.count) bytes, and file names have at most \(componentLengthMax)"
    }
    return PartFile.isName(component) ? "has a component that downloads use for temporary files" : nil
  }
}

/// Why the name of a file on a server is no path below a folder.
package struct InvalidPath: Error, Hashable, CustomStringConvertible {
  /// What about the name, such as `has the component '..'`.
  package let reason: String

  package var description: String {
    "can't be written below a folder, because its name \(reason): use `cairn get NAME -o FILE`"
  }
}
