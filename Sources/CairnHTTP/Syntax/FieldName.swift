extension String {
  /// Whether this name of a field is `lowercased`, in whatever case it came. Called for each field of each request, so a
  /// name of another length costs one comparison.
  ///
  /// - Parameter lowercased: letters and dashes only.
  func isField(_ lowercased: StaticString) -> Bool {
    guard utf8.count == lowercased.utf8CodeUnitCount else { return false }
    var name = self
    return name.withUTF8 { bytes in
      for index in bytes.indices where bytes[index] | 0x20 != lowercased.utf8Start[index] { return false }
      return true
    }
  }
}
