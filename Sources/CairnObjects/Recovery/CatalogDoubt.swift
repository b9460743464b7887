internal import CairnModel

/// What is known of a catalog that may have lost data, since that was noticed.
struct CatalogDoubt {
  /// When the catalog answered first. Nodes register from then on, so there is nothing to be impatient about before.
  private(set) var answeredAt: ContinuousClock.Instant?
  /// The nodes that can be read were read: names that are found are as new as anybody knows.
  var isRead = false
  /// Something was put into the catalog.
  var hasRecovered = false
  /// Nodes that may hold what the catalog lacks; nil until the lists of volumes were looked at.
  var missing: Set<NodeID>?

  mutating func noteAnswer() {
    if answeredAt == nil { answeredAt = .now }
  }

  /// Whether the catalog has answered for so long.
  func isOlder(than time: Duration) -> Bool {
    answeredAt.map { $0.duration(to: .now) >= time } ?? false
  }

  /// For clients and operators.
  func reason(isLost: Bool) -> String {
    if isLost {
      return "The catalog has lost data (Redis was emptied, or came back older than it was) and is being recovered "
        + "from the storage nodes"
    }
    if isRead, let missing, !missing.isEmpty {
      return "The catalog may lack files: Redis lost data or was started anew, and too many of the storage nodes that "
        + "hold files have not been read since: \(missing.sorted().map(\.description).joined(separator: ", "))"
    }
    return "The catalog is being compared with the storage nodes, because Redis or this coordinator was started anew"
  }
}
