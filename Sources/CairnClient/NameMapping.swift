package import CairnModel

/// Names on a server as folders.
package enum NameMapping {
  /// A prefix as a folder: with a slash at its end, or nothing.
  package static func folder(_ prefix: ByteText) -> ByteText {
    prefix.isEmpty || prefix.endsWithSlash ? prefix : prefix + "/"
  }
}
