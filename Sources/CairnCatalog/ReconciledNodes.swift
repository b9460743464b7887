package import CairnModel

/// Remembers with which storage nodes the catalog was compared: in the catalog itself, so that whoever finds it knows
/// what it may lack.
///
/// What a catalog loses it loses together with these entries, or its store's process ends: a store that was emptied has
/// none, and one that came up older than it was has those of another process.
package protocol ReconciledNodes: Sendable {
  /// The nodes whose records the catalog had, all of them, at some time.
  func reconciledNodes() async throws(CatalogError) -> [NodeID: Reconciliation]

  /// Says that the catalog has every record that the nodes have now.
  ///
  /// Does nothing when the catalog is not of the same life as `epoch` any more: it may have been emptied meanwhile.
  ///
  /// - Parameter process: of the store, as ``CatalogEpochs/storeProcess()`` names it.
  func setReconciled(_ nodes: [NodeID], process: String, epoch: CatalogEpoch) async throws(CatalogError)
}

/// When a catalog had all records of a node.
package struct Reconciliation: Hashable, Sendable {
  /// The process of the store.
  package let process: String
  /// By the store's clock.
  package let time: Timestamp

  package init(process: String, time: Timestamp) {
    self.process = process
    self.time = time
  }
}
