package import CairnCatalog
package import CairnModel
package import CairnNodeClient
package import Logging
internal import Synchronization

/// Why there is no volume to write to.
package enum AllocationError: Error, CustomStringConvertible {
  case noActiveNode
  /// Every active node has reached its disk reserve.
  case noSpace
  case catalog(CatalogError)
  /// No node made the volume; the last one said why.
  case failed(NodeError)

  package var description: String {
    switch self {
    case .noActiveNode: "no storage node is active"
    case .noSpace: "every active storage node has reached its disk reserve"
    case .catalog(let error): "\(error)"
    case .failed(let error): "no storage node could make a volume: \(error)"
    }
  }
}

/// Knows the open volumes, makes new ones, and says which nodes hold a volume.
package final class VolumeAllocator: Sendable {
  private struct State {
    var open: [VolumeID: Volume] = [:]
    /// Which nodes hold a volume, for reads. It grows with the disks (a few hundred bytes a GiB), not with blobs.
    var nodes: [VolumeID: [NodeID]] = [:]
    /// The volume that is being made, so that many writers make only one.
    var creation: Task<Result<Volume, AllocationError>, Never>?
  }

  private let catalog: any VolumeCatalog
  private let view: ClusterView
  private let directory: any NodeDirectory
  private let replicas: Int
  private let logger: Logger
  private let state = Mutex(State())

  /// - Parameter replicas: nodes of a new volume.
  package init(
    catalog: any VolumeCatalog, view: ClusterView, directory: any NodeDirectory, replicas: Int, logger: Logger
  ) {
    self.catalog = catalog
    self.view = view
    self.directory = directory
    self.replicas = replicas
    self.logger = logger
  }

  /// Takes over the volumes that are open in the catalog, as another coordinator or an earlier run left them.
  package func adoptOpenVolumes() async throws(CatalogError) {
    let volumes = try await catalog.openVolumes()
    state.withLock { state in
      for volume in volumes {
        state.open[volume.id] = volume
        state.nodes[volume.id] = volume.nodes
      }
    }
  }

  /// A volume to append to: the one with the most room of two that are on healthy nodes.
  ///
  /// - Parameters:
  ///   - avoided: nodes that failed for this write.
  ///   - tombstone: the record makes room, so nodes at their disk reserve take it as well.
  package func volume(
    avoiding avoided: Set<NodeID> = [], forTombstone tombstone: Bool = false
  ) async throws(AllocationError) -> Volume {
    if avoided.isEmpty, let volume = soleVolume { return volume }
    let active = view.activeNodes.map(\.report).filter { !avoided.contains($0.node) }
    let writable = active.filter { !$0.readOnly }
    if writable.isEmpty {
      guard !active.isEmpty else { throw .noActiveNode }
      guard tombstone else { throw .noSpace }
      if let volume = active.lazy.compactMap({ self.openVolume(on: $0.node) }).first { return volume }
      return try await create(on: active, forTombstone: true).get()
    }
    let room = Dictionary(writable.map { ($0.node, $0.available) }, uniquingKeysWith: max)
    let candidates = state.withLock { state in
      state.open.values.filter { $0.nodes.allSatisfy { room[$0] != nil } }
    }
    let covered = Set(candidates.flatMap(\.nodes))
    if writable.contains(where: { !covered.contains($0.node) }) {
      // A node without an open volume, perhaps a new one, gets its share of the writes.
      let uncovered = writable.filter { !covered.contains($0.node) }
      let result = await create(on: uncovered.count >= replicas ? uncovered : writable)
      switch result {
      case .success(let volume): return volume
      case .failure(let error): if candidates.isEmpty { throw error }
      }
    }
    guard let first = candidates.randomElement(), let second = candidates.randomElement() else {
      throw .noActiveNode
    }
    func leastRoom(_ volume: Volume) -> UInt64 { volume.nodes.compactMap { room[$0] }.min() ?? 0 }
    return leastRoom(second) > leastRoom(first) ? second : first
  }

  /// The open volume of `cairn server`, where every write goes: found without weighing anything.
  private var soleVolume: Volume? {
    let volume = state.withLock { $0.open.count == 1 ? $0.open.first?.value : nil }
    guard let volume, let node = volume.nodes.first, view.isSoleNode(node) else { return nil }
    return volume
  }

  /// An open volume that `node` holds a replica of; for tombstones, which are written on full disks too.
  package func openVolume(on node: NodeID) -> Volume? {
    state.withLock { $0.open.values.first { $0.nodes.contains(node) } }
  }

  /// Which nodes hold a replica; nil for a volume that the catalog doesn't know.
  package func nodes(of volume: VolumeID) async throws(CatalogError) -> [NodeID]? {
    if let known = state.withLock({ $0.nodes[volume] }) { return known }
    guard let found = try await catalog.volume(volume) else { return nil }
    state.withLock { $0.nodes[volume] = found.nodes }
    return found.nodes
  }

  /// Writes no more to a volume, and tells the catalog and, where they answer, its nodes.
  package func seal(_ volume: Volume) async {
    let wasOpen = state.withLock { $0.open.removeValue(forKey: volume.id) != nil }
    guard wasOpen else { return }
    logger.info("volume sealed", metadata: ["volume": "\(volume.id)"])
    _ = try? await catalog.seal(volume.id)
    for node in volume.nodes where view.isActive(node) {
      try? await directory.node(node)?.seal(volume.id)
    }
  }

  private func create(
    on candidates: [NodeReport], forTombstone tombstone: Bool = false
  ) async -> Result<Volume, AllocationError> {
    let creation = state.withLock { state in
      if let running = state.creation { return running }
      let task = Task {
        let result = await self.make(on: candidates, forTombstone: tombstone)
        self.state.withLock { $0.creation = nil }
        return result
      }
      state.creation = task
      return task
    }
    return await creation.value
  }

  private func make(
    on candidates: [NodeReport], forTombstone tombstone: Bool
  ) async -> Result<Volume, AllocationError> {
    var random = SystemRandomNumberGenerator()
    // Placement leaves out the nodes at their reserve, which are all that there are for such a tombstone.
    let nodes =
      tombstone
      ? candidates.shuffled().prefix(replicas).map(\.node)
      : Placement.choose(replicas, from: candidates, for: .make(), policy: .balanced, using: &random).map(\.node)
    guard !nodes.isEmpty else { return .failure(.noSpace) }
    let volume = Volume(id: .make(), nodes: nodes)
    for id in nodes {
      guard let node = directory.node(id) else { return .failure(.noActiveNode) }
      do throws(NodeError) {
        try await node.createVolume(volume.id)
      } catch {
        if case .unreachable(_, let reason) = error { view.suspect(id, because: reason) }
        return .failure(.failed(error))
      }
    }
    do throws(CatalogError) {
      try await catalog.add(volume)
    } catch {
      return .failure(.catalog(error))
    }
    logger.info(
      "volume created",
      metadata: ["volume": "\(volume.id)", "nodes": "\(nodes.map(\.description).joined(separator: ","))"])
    state.withLock { state in
      state.open[volume.id] = volume
      state.nodes[volume.id] = nodes
    }
    return .success(volume)
  }
}
