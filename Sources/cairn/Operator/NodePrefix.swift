import CairnClient
import CairnModel

/// Abbreviated node ids.
enum NodePrefix {
  /// The one id that starts with `prefix`.
  static func find(_ prefix: String, among ids: [String]) throws(ClientError) -> String {
    let wanted = ByteText(prefix.lowercased())
    let found = ids.filter { ByteText($0).starts(with: wanted) }
    if found.count == 1, let id = found.first { return id }
    guard !found.isEmpty else {
      throw .refused("No node's id starts with '\(prefix)': `cairn nodes` lists them")
    }
    throw .refused(
      "'\(prefix)' matches \(found.count) nodes, give more digits: \(found.prefix(8).joined(separator: ", "))")
  }
}
