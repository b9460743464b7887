/// Names on a server ↔ paths below a folder.
package enum NameMapping {
  /// The path below a folder of a name without its prefix: the same words between slashes.
  ///
  /// - Throws: ``ClientError/local(_:)`` for a name that is no path below a folder, such as one with `..`.
  package static func path(_ name: Substring) throws(ClientError) -> String {
    let words = name.split(separator: "/", omittingEmptySubsequences: false)
    for word in words {
      switch word {
      case "": throw unsafe(name, "has nothing between two slashes, or at an end")
      case ".", "..": throw unsafe(name, "has the word '\(word)'")
      case _ where word.utf8.contains(0): throw unsafe(name, "has a zero byte")
      case _ where isTemporary(word): throw unsafe(name, "is what downloads under way are called")
      default: break
      }
    }
    return String(name)
  }

  /// The file name for a name of the server: what is after its last slash.
  package static func fileName(_ name: String) throws(ClientError) -> String {
    let start = name.utf8.lastIndex(of: UInt8(ascii: "/")).map { name.utf8.index(after: $0) } ?? name.startIndex
    return try path(name[start...])
  }

  /// A prefix as a folder: with a slash at its end, or nothing.
  package static func folder(_ prefix: String) -> String {
    prefix.isEmpty || prefix.utf8.last == UInt8(ascii: "/") ? prefix : prefix + "/"
  }

  /// Whether a file name is one that a download under way has.
  static func isTemporary(_ word: some StringProtocol) -> Bool {
    word.hasPrefix(PartFile.prefix) && word.hasSuffix(PartFile.suffix)
  }

  private static func unsafe(_ name: Substring, _ why: String) -> ClientError {
    .local(
      "\(BlobClient.quoted(String(name))) is not written below a folder, because its name \(why): get it with `cairn get NAME -o FILE`"
    )
  }
}
