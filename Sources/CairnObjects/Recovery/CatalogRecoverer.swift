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

  /// Every volume, as the catalog lists it now.
  func listVolumes() async throws -> [Volume]

  /// Whether ``settle(_:listedSince:)`` has dealt with all nodes that the registry doesn't name any more.
  var isSettled: Bool { get }

  /// Remembers the lists of a catalog that was whole, and forgets nodes that neither it nor the registry names.
  ///
  /// - Parameter start: when the reading of the lists began.
  func settle(_ volumes: [Volume], listedSince start: ContinuousClock.Instant)
}

/// What is needed to recover a catalog, as it was when the catalog was last known to be whole.
package struct CatalogMemory: Sendable {
  /// Nodes that answered, where they were reached.
  package var nodes: [NodeReport]
  package var volumes: [Volume]

  /// The volumes of a catalog that may have lost some: as it lists them, else as they are remembered.
  func volumes(updatedBy listed: [Volume]) -> [Volume] {
    var all = Dictionary(volumes.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
    all.merge(listed.map { ($0.id, $0) }) { $1 }
    return Array(all.values)
  }

  package init(nodes: [NodeReport], volumes: [Volume]) {
    self.nodes = nodes
    self.volumes = volumes
  }

  /// With what is known since: nodes may have been started again elsewhere.
  func updated(by newer: Self) -> Self {
    var nodes = Dictionary(nodes.map { ($0.node, $0) }, uniquingKeysWith: { $1 })
    nodes.merge(newer.nodes.map { ($0.node, $0) }) { $1 }
    return Self(nodes: Array(nodes.values), volumes: volumes(updatedBy: newer.volumes))
  }
}
