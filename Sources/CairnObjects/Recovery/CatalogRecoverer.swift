package import CairnModel

/// Brings a catalog up to date that has lost data.
package protocol CatalogRecoverer: Sendable {
  /// What is known now.
  func remember() -> CatalogMemory

  /// Puts into the catalog what the nodes of `memory` have and it lacks.
  ///
  /// - Parameter since: what was written before is in the catalog; nil when nothing is known.
  /// - Returns: the nodes of the memory whose records could not be read.
  func recover(_ memory: CatalogMemory, since: Timestamp?) async throws -> Set<NodeID>
}

/// What is needed to recover a catalog, as it was when the catalog was last known to be whole.
package struct CatalogMemory: Sendable {
  /// Nodes that answered, where they were reached.
  package var nodes: [NodeReport]
  package var volumes: [Volume]

  package init(nodes: [NodeReport], volumes: [Volume]) {
    self.nodes = nodes
    self.volumes = volumes
  }

  /// With what is known since: nodes may have been started again elsewhere.
  func updated(by newer: Self) -> Self {
    var nodes = Dictionary(nodes.map { ($0.node, $0) }, uniquingKeysWith: { $1 })
    nodes.merge(newer.nodes.map { ($0.node, $0) }) { $1 }
    var volumes = Dictionary(volumes.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
    volumes.merge(newer.volumes.map { ($0.id, $0) }) { $1 }
    return Self(nodes: Array(nodes.values), volumes: Array(volumes.values))
  }
}
