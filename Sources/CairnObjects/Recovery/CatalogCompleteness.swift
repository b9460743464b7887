internal import CairnModel

/// Whether a catalog that may have lost data knows every name again: pure, so that the rule is in one place.
///
/// Acknowledged data has at least `copies` copies, each on a node that its volume lists. So while fewer nodes are
/// missing than that, every record was read from some node. A node that was lost for good is missing until repair has
/// put other nodes in its place in all lists.
struct CatalogCompleteness {
  /// The volumes, with the nodes that hold them.
  var volumes: [Volume]
  /// Nodes whose records the catalog has.
  var read: Set<NodeID>
  /// Nodes that hold records the catalog may lack; perhaps no volume that is known lists them yet.
  var unread: Set<NodeID>
  /// Copies that a write needs (`MIN_REPLICAS`; 1 where writes don't wait for the others).
  var copies: Int

  /// Nodes that may hold what the catalog lacks.
  var missing: Set<NodeID> {
    volumes.reduce(into: unread) { $0.formUnion($1.nodes) }.subtracting(read)
  }

  var isComplete: Bool {
    let missing = missing
    guard !read.isEmpty, missing.count < copies else { return false }
    // Some volumes have fewer copies: an upload asked for one, or there was just one node.
    return missing.isEmpty || volumes.allSatisfy { $0.nodes.isEmpty || !missing.isSuperset(of: $0.nodes) }
  }
}
