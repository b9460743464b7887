import CairnClient

/// Abbreviated node ids.
enum NodePrefix {
  /// The one id that starts with `prefix`.
  static func find(_ prefix: String, among ids: [String]) throws(ClientError) -> String {
    let wanted = prefix.lowercased()
    let found = ids.filter { $0.hasPrefix(wanted) }
    if found.count == 1 { return found[0] }
    guard !found.isEmpty else {
      throw .refused("No node's id starts with '\(prefix)': `cairn nodes` lists those that there are")
    }
    throw .refused(
      "'\(prefix)' fits \(found.count) nodes, give more digits: \(found.prefix(8).joined(separator: ", "))")
  }
}
