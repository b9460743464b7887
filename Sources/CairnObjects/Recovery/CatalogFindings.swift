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

  /// Nodes with which the catalog was compared in this life of its store, also those that are away now.
  var current: Set<NodeID> {
    isLost ? [] : Set(known.filter { $0.value.process == process }.keys)
  }

  /// Nodes without anything that the catalog could lack.
  private var new: [NodeID] {
    isLost ? [] : memory.nodes.filter { known[$0.node] == nil && $0.volumeCount == 0 }.map(\.node)
  }

  var hasNewNodes: Bool { !new.isEmpty }

  /// Nodes that have to be read.
  var due: Set<NodeID> { Set(memory.nodes.map(\.node)).subtracting(current).subtracting(new) }

  /// Nodes that are there and need not be read.
  var reconciled: [NodeID] { current.intersection(memory.nodes.map(\.node)) + new }

  /// Of some nodes, those that held records when they were heard of last.
  func withRecords(_ nodes: Set<NodeID>) -> Set<NodeID> {
    nodes.intersection(memory.nodes.lazy.filter { $0.volumeCount > 0 }.map(\.node))
  }

  /// From when on the nodes `due` may have what the catalog lacks; nil for all that they have.
  func since(_ due: Set<NodeID>, margin: Duration) -> Timestamp? {
    guard !isLost else { return nil }
    var oldest = UInt64.max
    for node in due {
      guard let entry = known[node], !StoreLife(process).hasEvicted(since: StoreLife(entry.process)) else { return nil }
      oldest = min(oldest, entry.time.millisecondsSinceEpoch)
    }
    let margin = UInt64(margin / .milliseconds(1))
    return oldest > margin ? Timestamp(millisecondsSinceEpoch: oldest - margin) : nil
  }
}
