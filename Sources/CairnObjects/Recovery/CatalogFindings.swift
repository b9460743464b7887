internal import CairnCatalog
internal import CairnModel

/// What a look found.
struct CatalogFindings {
  var epoch: CatalogEpoch
  var process: String
  var known: [NodeID: Reconciliation]
  var memory: CatalogMemory
  var losses = 0
  var isLost = false

  /// Nodes whose entries are so much older than the newest were away before the store was.
  private static let absence: Duration = .seconds(60)

  /// Nodes with which the catalog was compared in this life of its store.
  private var current: Set<NodeID> {
    isLost ? [] : Set(known.filter { $0.value.process == process }.keys)
  }

  /// Nodes without anything that the catalog could lack.
  private var new: [NodeID] {
    isLost ? [] : memory.nodes.filter { known[$0.node] == nil && $0.volumeCount == 0 }.map(\.node)
  }

  var hasNewNodes: Bool { !new.isEmpty }

  /// Nodes that have to be read.
  var due: Set<NodeID> { Set(memory.nodes.map(\.node)).subtracting(current).subtracting(new) }

  /// Nodes that need not be read.
  var reconciled: [NodeID] { current.intersection(memory.nodes.map(\.node)) + new }

  /// Nodes that have to be read, and were there when the store was, but are away.
  var away: Set<NodeID> {
    guard !isLost, let newest = known.values.map(\.time).max() else { return [] }
    let absence = UInt64(Self.absence / .milliseconds(1))
    let present = memory.nodes.map(\.node)
    return Set(
      known.filter { node, entry in
        entry.process != process && !present.contains(node)
          && entry.time.millisecondsSinceEpoch + absence >= newest.millisecondsSinceEpoch
      }.keys)
  }

  /// From when on the nodes `due` may have what the catalog lacks; nil for all that they have.
  func since(_ due: Set<NodeID>, margin: Duration) -> Timestamp? {
    guard !isLost else { return nil }
    var oldest = UInt64.max
    for node in due {
      guard let entry = known[node] else { return nil }
      oldest = min(oldest, entry.time.millisecondsSinceEpoch)
    }
    let margin = UInt64(margin / .milliseconds(1))
    return oldest > margin ? Timestamp(millisecondsSinceEpoch: oldest - margin) : nil
  }
}
