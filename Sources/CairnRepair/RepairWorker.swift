package import CairnCatalog
package import CairnCluster
internal import CairnModel
internal import CairnNodeClient
package import Logging

/// Does the work that the queue holds, until it is cancelled.
package struct RepairWorker: Sendable {
  /// Pieces of work done at the same time.
  private static let workMax = 2
  private static let pollInterval: Duration = .milliseconds(500)

  private let name: String
  private let queue: any RepairQueue
  let volumes: any VolumeCatalog
  let view: ClusterView
  private let directory: any NodeDirectory
  let settings: RepairSettings
  private let limit: BandwidthLimit
  private let judge: HeadJudge?
  let logger: Logger

  /// - Parameter name: lasts over restarts, as the queue wants it.
  package init(
    name: String, queue: any RepairQueue, volumes: any VolumeCatalog, view: ClusterView,
    directory: any NodeDirectory, settings: RepairSettings, judge: HeadJudge? = nil, logger: Logger
  ) {
    self.name = name
    self.queue = queue
    self.volumes = volumes
    self.view = view
    self.directory = directory
    self.settings = settings
    limit = BandwidthLimit(bytesPerSecond: settings.bandwidth)
    self.judge = judge
    self.logger = logger
  }

  package func run() async {
    await withTaskGroup(of: Void.self) { group in
      for slot in 0..<Self.workMax {
        group.addTask { await work(as: "\(name)-\(slot)") }
      }
    }
  }

  private func work(as worker: String) async {
    while !Task.isCancelled {
      let claimed = (try? await queue.claim(worker: worker, limit: 1, lease: settings.lease)) ?? []
      for work in claimed { await perform(work) }
      if claimed.isEmpty { try? await Task.sleep(for: Self.pollInterval) }
    }
  }

  private func perform(_ claimed: ClaimedWork) async {
    let outcome = await withTaskGroup(of: Result<Void, RepairError>?.self) { group in
      group.addTask {
        do {
          try await perform(try VolumeWork(claimed.work), of: claimed)
          return .success(())
        } catch {
          return .failure(RepairError(error))
        }
      }
      // Whoever loses the lease stops: another worker is at it.
      group.addTask {
        while (try? await Task.sleep(for: settings.lease / 3)) != nil {
          if (try? await queue.renew(claimed, lease: settings.lease)) == false { return nil }
        }
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first
    }
    switch outcome {
    case .success?:
      logger.info("repair done", metadata: ["work": "\(claimed.work.kind)", "key": "\(claimed.work.key)"])
      _ = try? await queue.complete(claimed)
    case .failure? where Task.isCancelled, nil where Task.isCancelled:
      // This process stops: another one need not wait for the end of the lease.
      _ = try? await queue.fail(claimed, error: "its worker was stopped", retryAfter: .zero)
    case .failure(let error)?:
      logger.warning(
        "repair failed",
        metadata: [
          "work": "\(claimed.work.kind)", "key": "\(claimed.work.key)", "attempt": "\(claimed.attempt)",
          "error": "\(error)",
        ])
      if case .node(.unreachable(let node, let reason)) = error { view.suspect(node, because: reason) }
      // Work that can't be read is of a newer version, whose workers can do it.
      let work = try? VolumeWork(claimed.work)
      if let wait = work.map({ $0.retryDelay(after: error, attempt: claimed.attempt) }) ?? .seconds(300) {
        _ = try? await queue.fail(claimed, error: "\(error)", retryAfter: wait)
      } else {
        _ = try? await queue.complete(claimed)
      }
    case nil: break
    }
  }

  // MARK: Kinds of work

  private func perform(_ work: VolumeWork, of claimed: ClaimedWork) async throws {
    guard let volume = try await volumes.volume(work.volume) else { return }
    // A node that died since the work was planned may never come back: then other work is needed.
    guard !work.isAlone || work.node.map(view.isActive) ?? true else { return }
    switch work {
    case .replicate(_, let target, let replaced): try await replicate(volume, target, replaced, claimed)
    case .complete(_, let targets): try await complete(volume.id, on: targets, claimed)
    case .retire(_, let node): try await retire(volume, node)
    case .drop(_, let node): try await drop(volume, node)
    case .mend:
      try await replicas(of: volume).mend { done, total in
        _ = try? await queue.progress(claimed, done: done, total: total)
      }
    case .compare: try await compare(volume)
    case .scrub(_, let node): try await scrub(volume, node)
    }
  }

  func replicate(_ volume: Volume, _ target: NodeID, _ replaced: NodeID?, _ claimed: ClaimedWork) async throws {
    // Things may have changed since the work was planned; the next plan sees to what is left.
    guard !volume.nodes.contains(target), replaced.map(volume.nodes.contains) ?? true else { return }
    let sources = replicas(of: volume).holders
    guard !sources.isEmpty else { throw RepairError.noSource(volume.id) }
    guard let targetNode = directory.node(target) else { throw RepairError.unknownNode(target) }
    _ = try await volumes.seal(volume.id)
    // From here on no append can succeed on all replicas, so a source has every record that ever will be acknowledged.
    for source in sources { try await source.seal(volume.id) }
    let copy = VolumeCopy(volume: volume.id, sources: sources, target: targetNode, limit: limit, logger: logger) {
      done, total in
      _ = try? await queue.progress(claimed, done: done, total: total)
    }
    try await copy.run()
    var nodes = volume.nodes
    if let replaced, let index = nodes.firstIndex(of: replaced) { nodes[index] = target } else { nodes.append(target) }
    guard try await volumes.replaceNodes(of: volume.id, expecting: volume.nodes, with: nodes) else {
      throw RepairError.failed("the nodes of volume \(volume.id) changed meanwhile")
    }
    logger.info(
      "replica made",
      metadata: [
        "volume": "\(volume.id)", "node": "\(target)", "replaced": "\(replaced.map { "\($0)" } ?? "none")",
      ])
    // What was told to be garbage until now, the copy was not told; from now on it is in the list.
    do {
      try await replicas(of: volume, among: sources.map(\.id) + [target]).shareGarbage()
    } catch {
      logger.notice("replica not told of garbage", metadata: ["volume": "\(volume.id)", "error": "\(error)"])
    }
    // One that was away meanwhile was not copied from, and may have more than the copy: that is for ``drop``.
    if let replaced, sources.contains(where: { $0.id == replaced }) {
      try? await directory.node(replaced)?.drop(volume.id)
    }
  }

  private func retire(_ volume: Volume, _ node: NodeID) async throws {
    let rest = volume.nodes.filter { $0 != node }
    guard rest.count < volume.nodes.count, !rest.isEmpty, rest.allSatisfy(view.isActive) else { return }
    _ = try await volumes.seal(volume.id)
    for holder in volume.nodes.compactMap({ directory.node($0) }) { try await holder.seal(volume.id) }
    let isThere = view.isActive(node)
    if isThere { try await handOver(volume, from: node, to: rest) }
    guard try await volumes.replaceNodes(of: volume.id, expecting: volume.nodes, with: rest) else { return }
    if isThere { try await directory.node(node)?.drop(volume.id) }
  }

  /// Never the last good one: all replicas that the catalog names must be there, whole, and have all that this one has.
  private func drop(_ volume: Volume, _ node: NodeID) async throws {
    guard !volume.nodes.contains(node), !volume.nodes.isEmpty, volume.nodes.allSatisfy(view.isActive) else { return }
    try await handOver(volume, from: node, to: volume.nodes)
    for holder in volume.nodes {
      guard let replica = try await directory.node(holder)?.volumes().first(where: { $0.id == volume.id }),
        !replica.isFailed, replica.damagedCount == 0
      else { return }
    }
    try await directory.node(node)?.drop(volume.id)
    logger.info("surplus replica dropped", metadata: ["volume": "\(volume.id)", "node": "\(node)"])
  }

  /// Gives `holders` what they lack of a replica that is about to be deleted.
  ///
  /// A replica can lack records without knowing it: damage at the end of a log looks like what a crash left unfinished.
  /// Some that are handed over may be garbage that `node` was not told of, and that the others have dropped: better than
  /// the last copy of an object lost.
  private func handOver(_ volume: Volume, from node: NodeID, to holders: [NodeID]) async throws {
    guard let source = directory.node(node) else { throw RepairError.unknownNode(node) }
    guard try await source.volumes().contains(where: { $0.id == volume.id }) else { return }
    try await replicas(of: volume, among: holders + [node]).shareGarbage()
    let blobs = try await source.blobs(in: volume.id).map(\.blob)
    var transfer = RecordTransfer(volume: volume.id, limit: limit, logger: logger)
    transfer.judge = judge
    transfer.isComplete = Set(holders + [node]).isSuperset(of: volume.nodes)
    transfer.mustDecide = true
    for holder in holders {
      guard let target = directory.node(holder) else { throw RepairError.unknownNode(holder) }
      let present = Set(try await target.blobs(in: volume.id).map(\.blob))
      // What is damaged here and nowhere else is lost: keeping the replica would not bring it back.
      _ = try await transfer.give(blobs.filter { !present.contains($0) }, from: [source], to: target)
    }
  }

  private func scrub(_ volume: Volume, _ node: NodeID) async throws {
    guard volume.nodes.contains(node), let holder = directory.node(node) else { return }
    let report = try await holder.scrub(volume.id, bytesPerSecond: settings.bandwidth)
    guard !report.damaged.isEmpty else { return try await compare(volume) }
    logger.warning(
      "damage found", metadata: ["volume": "\(volume.id)", "node": "\(node)", "records": "\(report.damaged.count)"])
    try await queue.enqueue(VolumeWork.mend(volume.id).queued)
  }

  private func compare(_ volume: Volume) async throws {
    let replicas = replicas(of: volume)
    // Nobody compares an open volume again when a node is back.
    guard volume.state == .sealed || replicas.holders.count == volume.nodes.count else {
      throw RepairError.nodesAway(volume.id)
    }
    guard try await replicas.differ() else { return }
    logger.warning("replicas differ", metadata: ["volume": "\(volume.id)"])
    if volume.state == .open {
      // A power cut stopped a record on its way. What is appended elsewhere from now on will be on all replicas.
      _ = try await volumes.seal(volume.id)
      for holder in replicas.holders { try await holder.seal(volume.id) }
    }
    try await queue.enqueue(VolumeWork.mend(volume.id).queued)
  }

  private func replicas(of volume: Volume, among nodes: [NodeID]? = nil) -> VolumeReplicas {
    let holders = (nodes ?? volume.nodes.filter(view.isActive)).compactMap {
      directory.node($0) as? any StorageNode & RecordLog
    }
    return VolumeReplicas(volume: volume, holders: holders, limit: limit, logger: logger, judge: judge)
  }
}
