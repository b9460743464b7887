internal import CairnCatalog
internal import CairnModel
internal import CairnNodeClient
internal import Logging

/// Puts replicas that no list names into the lists of their volumes, where these lack copies.
///
/// The first node that answers after a loss makes the lists of its volumes, with itself alone where nobody remembers the
/// others. When the others are read, their replicas have to be found by readers and repairs, too.
struct UnlistedReplicas: Sendable {
  let sources: [any ReplicaSurvey.Source]
  let catalog: any ClusterRecovery.Target
  /// Replicas that a volume should have at least.
  let replicationFactor: Int
  let logger: Logger

  /// - Parameters:
  ///   - volumes: as the catalog lists them.
  ///   - unsettled: volumes whose replicas may still differ: they are passed over.
  func list(
    _ volumes: [VolumeID: Volume], _ survey: ReplicaSurvey, except unsettled: Set<VolumeID>
  ) async throws(CatalogError) {
    for (id, volume) in volumes.sorted(by: { $0.key < $1.key }) where !unsettled.contains(id) {
      let complete = survey.completeReplicas(of: id)
      let unlisted = complete.filter { !volume.nodes.contains($0) }
      guard !unlisted.isEmpty else { continue }
      let listed = complete.filter { volume.nodes.contains($0) }
      // One more than a volume needs is left over from a repair.
      guard listed.isEmpty || volume.nodes.count < max(volume.replicasWanted, replicationFactor) else { continue }
      let found = await alike(unlisted, to: listed, in: id)
      guard !found.isEmpty,
        try await catalog.replaceNodes(of: id, expecting: volume.nodes, with: volume.nodes + found)
      else { continue }
      logger.info("replicas listed", metadata: ["volume": "\(id)", "nodes": "\(found.map(\.description))"])
    }
  }

  /// Those that hold what a listed replica holds; where none of these answers, all.
  private func alike(_ unlisted: [NodeID], to listed: [NodeID], in volume: VolumeID) async -> [NodeID] {
    guard !listed.isEmpty else { return unlisted }
    var digests: [ReplicaDigest] = []
    for node in listed {
      if let digest = try? await source(node)?.digest(of: volume) { digests.append(digest) }
    }
    var found: [NodeID] = []
    for node in unlisted {
      if let digest = try? await source(node)?.digest(of: volume), digests.contains(digest) { found.append(node) }
    }
    return found
  }

  private func source(_ id: NodeID) -> (any ReplicaSurvey.Source)? { sources.first { $0.id == id } }
}
