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
  /// A write needs more replicas than there are nodes that take one now.
  case tooFewNodes(writable: Int, needed: Int)
  case catalog(CatalogError)
  /// No node made the volume; the last one said why.
  case failed(NodeError)

  package var description: String {
    switch self {
    case .noActiveNode: "no storage node is active"
    case .noSpace: "every active storage node has reached its disk reserve"
    case .tooFewNodes(let writable, let needed):
      "a write needs \(needed) replicas, and \(writable) storage nodes take data now"
    case .catalog(let error): "\(error)"
    case .failed(let error): "no storage node could make a volume: \(error)"
    }
  }
}

/// What a record needs of its volume.
package struct VolumeRequest: Sendable {
  /// What the upload asks for itself; nil for the operator's factor.
  package var replicas: Int?
  /// Nodes that failed for this write.
  package var avoided: Set<NodeID> = []
  /// The record makes room, so nodes at their disk reserve take it as well.
  package var isForTombstone = false

  package init(replicas: Int? = nil, forTombstone: Bool = false) {
    self.replicas = replicas
    isForTombstone = forTombstone
  }
}

/// Knows the open volumes, makes new ones, and says which nodes hold a volume.
package final class VolumeAllocator: Sendable {
  typealias Creation = Task<Result<Volume, AllocationError>, Never>

  struct State {
    var open: [VolumeID: Volume] = [:]
    /// Which nodes hold a volume, for reads. It grows with the disks (a few hundred bytes a GiB), not with blobs.
    var known: [VolumeID: Volume] = [:]
    /// The volumes that are being made, by their number of replicas, so that many writers make only one of each.
    var creations: [Int: Creation] = [:]
    /// The volumes that lack replicas because writes don't wait for them.
    var copies = CopySchedule()
  }

  private let catalog: any VolumeCatalog
  let view: ClusterView
  private let directory: any NodeDirectory
  package let replication: ReplicationPolicy
  private let placement: PlacementPolicy
  private let logger: Logger
  let state = Mutex(State())

  package init(
    catalog: any VolumeCatalog, view: ClusterView, directory: any NodeDirectory, replication: ReplicationPolicy,
    placement: PlacementPolicy = .balanced, logger: Logger
  ) {
    self.catalog = catalog
    self.view = view
    self.directory = directory
    self.replication = replication
    self.placement = placement
    self.logger = logger
  }

  /// Takes over the volumes that are open in the catalog, as another coordinator or an earlier run left them.
  package func adoptOpenVolumes() async throws(CatalogError) {
    let volumes = try await catalog.openVolumes()
    state.withLock { state in
      for volume in volumes {
        state.open[volume.id] = volume
        state.known[volume.id] = volume
        if volume.isDegraded { state.copies.appended(0, to: volume, at: .now) }
      }
    }
  }

  // MARK: Writing

  /// Why a write that asks for nothing in particular would get no volume now; nil when it would.
  package var obstacle: AllocationError? {
    let active = view.activeNodes
    guard !active.isEmpty else { return .noActiveNode }
    let writable = active.count { $0.takesData }
    guard writable > 0 else { return .noSpace }
    let needed = replication.goal(asked: nil, nodeCount: view.nodeCount).minimum
    return writable < needed ? .tooFewNodes(writable: writable, needed: needed) : nil
  }

  /// A volume to append to: the one with the most room of two whose nodes all take data.
  package func volume(for request: VolumeRequest = VolumeRequest()) async throws(AllocationError) -> Volume {
    if request.avoided.isEmpty, request.replicas == nil, let volume = soleVolume { return volume }
    let reachable = view.activeNodes.filter { !request.avoided.contains($0.report.node) }
    let active = reachable.map(\.report)
    let writable = reachable.filter(\.takesData).map(\.report)
    if writable.isEmpty {
      guard !active.isEmpty else { throw .noActiveNode }
      guard request.isForTombstone else { throw .noSpace }
      return try await volumeOnFullDisks(active)
    }
    let goal = replication.goal(asked: request.replicas, nodeCount: view.knownNodeCount)
    // A tombstone must not wait for nodes: it repeats what the catalog decided, and makes room.
    guard writable.count >= goal.minimum || request.isForTombstone else {
      throw .tooFewNodes(writable: writable.count, needed: goal.minimum)
    }
    let count = min(goal.wanted, writable.count)
    let wanted = request.replicas ?? replication.factor
    let room = Dictionary(writable.map { ($0.node, $0.available) }, uniquingKeysWith: max)
    let candidates = state.withLock { state in
      state.open.values.filter { volume in
        volume.nodes.count == count && volume.replicasWanted == wanted
          && volume.nodes.allSatisfy { room[$0] != nil }
      }
    }
    let covered = Set(candidates.flatMap(\.nodes))
    if let first = writable.filter({ !covered.contains($0.node) }).randomElement() {
      // A node without an open volume, perhaps a new one, gets its share of the writes.
      switch await create(count, wanted: wanted, on: writable, first: first) {
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

  private func volumeOnFullDisks(_ active: [NodeReport]) async throws(AllocationError) -> Volume {
    let nodes = Set(active.map(\.node))
    let open = state.withLock { state in state.open.values.first { nodes.isSuperset(of: $0.nodes) } }
    if let open { return open }
    let count = min(replication.goal(asked: nil, nodeCount: view.knownNodeCount).wanted, active.count)
    let volume = Volume(
      id: .make(), nodes: active.shuffled().prefix(count).map(\.node), replicasWanted: replication.factor)
    return try await make(volume).get()
  }

  /// An open volume that `node` holds a replica of, with others that answer; for tombstones, which are written on full
  /// disks too.
  package func openVolume(on node: NodeID) async -> Volume? {
    let volumes = state.withLock { $0.open.values.filter { $0.nodes.contains(node) } }
    if let volume = volumes.first(where: { $0.nodes.allSatisfy(view.isActive) }) { return volume }
    // Volumes that are sealed to be copied leave their nodes without an open one until the next write there.
    guard replication.mode == .async, view.isActive(node), view.registered(node)?.isDraining == false else {
      return nil
    }
    return try? await make(Volume(id: .make(), nodes: [node], replicasWanted: replication.factor)).get()
  }

  /// Writes no more to a volume, and tells the catalog and, where they answer, its nodes.
  package func seal(_ volume: Volume) async {
    let wasOpen = state.withLock { state in
      state.known[volume.id]?.state = .sealed
      let wasOpen = state.open.removeValue(forKey: volume.id) != nil
      if wasOpen, volume.isDegraded { state.copies.sealed(volume) }
      return wasOpen
    }
    guard wasOpen else { return }
    logger.info("volume sealed", metadata: ["volume": "\(volume.id)"])
    _ = try? await catalog.seal(volume.id)
    for node in volume.nodes where view.isActive(node) {
      try? await directory.node(node)?.seal(volume.id)
    }
  }

  /// Whether a volume has fewer replicas than it could have on the nodes that there are.
  func isDegraded(_ volume: Volume) -> Bool {
    volume.isDegraded && volume.nodes.count < view.nodeCount
  }

  // MARK: Reading

  /// A volume, as far as it is known; nil for one that the catalog doesn't know. One that lacked replicas is looked up
  /// again: it may have got them meanwhile.
  ///
  /// - Parameter isFresh: asks the catalog, because what was known before proved wrong.
  package func find(_ id: VolumeID, isFresh: Bool = false) async throws(CatalogError) -> Volume? {
    let known = isFresh ? nil : state.withLock { $0.known[id] }
    if let known, !isDegraded(known) { return known }
    let found: Volume?
    do throws(CatalogError) {
      found = try await catalog.volume(id)
    } catch {
      guard let known else { throw error }
      return known
    }
    state.withLock { $0.known[id] = found }
    return found
  }

  /// Every volume that was met so far: what is left of a catalog that is lost.
  package var rememberedVolumes: [Volume] { state.withLock { Array($0.known.values) } }

  /// Which nodes hold a replica; nil for a volume that the catalog doesn't know.
  package func nodes(of volume: VolumeID) async throws(CatalogError) -> [NodeID]? {
    try await find(volume)?.nodes
  }

  // MARK: New volumes

  private func create(
    _ count: Int, wanted: Int, on candidates: [NodeReport], first: NodeReport
  ) async -> Result<Volume, AllocationError> {
    let creation = state.withLock { state in
      if let running = state.creations[wanted] { return running }
      var random = SystemRandomNumberGenerator()
      let others = candidates.filter { $0.node != first.node }
      let id = VolumeID.make()
      let nodes =
        [first]
        + Placement.choose(
          count - 1, from: others, keeping: [first], for: id, policy: placement, using: &random)
      let volume = Volume(id: id, nodes: nodes.map(\.node), replicasWanted: wanted)
      let task = Creation {
        let result = await self.make(volume)
        self.state.withLock { $0.creations[wanted] = nil }
        return result
      }
      state.creations[wanted] = task
      return task
    }
    return await creation.value
  }

  private func make(_ volume: Volume) async -> Result<Volume, AllocationError> {
    for id in volume.nodes {
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
      metadata: ["volume": "\(volume.id)", "nodes": "\(volume.nodes.map(\.description).joined(separator: ","))"])
    state.withLock { state in
      state.open[volume.id] = volume
      state.known[volume.id] = volume
    }
    return .success(volume)
  }
}
