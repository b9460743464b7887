extension FuzzTarget {
  /// Every target. A new parser of bytes from outside gets one.
  static let all: [FuzzTarget] =
    httpFields + httpServer + bodies + requests + signatures + documents + records + disks + catalogEntries
    + sqliteRows + nodeMessages + redis + redisCatalog + configuration + serverAnswers

  /// - Throws: where no target has the name.
  static func named(_ name: String) throws -> FuzzTarget {
    guard let target = all.first(where: { $0.name == name }) else {
      throw BrokenProperty(
        description: "no fuzz target is called '\(name)', allowed: \(all.map(\.name).joined(separator: ", "))")
    }
    return target
  }
}
