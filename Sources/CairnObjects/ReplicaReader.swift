internal import CairnCatalog
package import CairnCluster
package import CairnModel
internal import CairnNodeClient
package import Logging
internal import NIOCore
internal import Synchronization

/// A replica that could not give a record that it should have.
package struct DamagedReplica: Hashable, Sendable {
  package let location: BlobLocation
  package let node: NodeID
}

/// Reads records from whichever replica answers, and goes on with another one when it breaks off.
package struct ReplicaReader: Sendable {
  private let allocator: VolumeAllocator
  private let view: ClusterView
  private let directory: any NodeDirectory
  private let loads = NodeLoads()
  private let latencies = ReadLatencies()
  /// Where this coordinator stands: replicas there are asked first.
  private let zone: String?
  private let report: @Sendable (DamagedReplica) -> Void
  private let logger: Logger

  /// - Parameter report: is told of each replica that lacks a record, or has a damaged one.
  package init(
    allocator: VolumeAllocator, view: ClusterView, directory: any NodeDirectory, zone: String?,
    report: @escaping @Sendable (DamagedReplica) -> Void, logger: Logger
  ) {
    self.allocator = allocator
    self.view = view
    self.directory = directory
    self.zone = zone
    self.report = report
    self.logger = logger
  }

  /// Finds the payload of a record, or a range of it.
  ///
  /// - Throws: ``ObjectError/corrupt(_:)`` also where the record is another one than expected.
  func read(
    _ location: BlobLocation, expecting expected: ExpectedRecord, range: Range<UInt64>?
  ) async throws(ObjectError) -> BlobContent {
    if let content = await readSole(location, expected, range) { return content }
    let wanted = Wanted(location: location, expected: expected)
    let opened = try await open(wanted, range: range, replicas: replicas(of: location.volume))
    guard case .stream(let length, _) = opened.content, !opened.others.isEmpty else { return opened.content }
    return .stream(length: length) { sink in
      try await stream(wanted, range, opened, length: length, to: sink)
    }
  }

  /// Reads from the only replica, as in `cairn server`, without weighing anything; nil where there are several, or where
  /// it fails: then it is asked again in the usual way, which draws the conclusions.
  private func readSole(
    _ location: BlobLocation, _ expected: ExpectedRecord, _ range: Range<UInt64>?
  ) async -> BlobContent? {
    guard let nodes = try? await allocator.nodes(of: location.volume), nodes.count == 1,
      let node = directory.node(nodes[0])
    else { return nil }
    return try? await node.read(location, expecting: expected, range: range)
  }

  // MARK: Choosing

  /// The nodes that hold a volume, in the order in which to ask them.
  private func replicas(of volume: VolumeID, isFresh: Bool = false) async throws(ObjectError) -> [NodeID] {
    let nodes: [NodeID]
    do throws(CatalogError) {
      nodes = try await allocator.find(volume, isFresh: isFresh)?.nodes ?? []
    } catch {
      throw ObjectError(error)
    }
    guard nodes.count > 1 else { return nodes }
    // A node that seems dead is better than none: perhaps only its heartbeats are late.
    let ranked = nodes.map { node in
      let isElsewhere = zone != nil && view.report(of: node)?.zone != zone
      return (node: node, rank: (view.isActive(node) ? 0 : 2) + (isElsewhere ? 1 : 0), load: loads.count(of: node))
    }
    return ranked.shuffled().sorted { ($0.rank, $0.load) < ($1.rank, $1.load) }.map(\.node)
  }

  private struct Wanted: Sendable {
    let location: BlobLocation
    let expected: ExpectedRecord
  }

  private struct Opened: Sendable {
    let node: NodeID
    let content: BlobContent
    /// The replicas that were not asked yet.
    let others: ArraySlice<NodeID>
  }

  private func open(
    _ wanted: Wanted, range: Range<UInt64>?, replicas: [NodeID]
  ) async throws(ObjectError) -> Opened {
    var failures: [Failure] = []
    if let opened = await open(wanted, range: range, among: replicas[...], failures: &failures) { return opened }
    // The volume may have moved since its nodes were looked up.
    let fresh = try await self.replicas(of: wanted.location.volume, isFresh: true).filter { !replicas.contains($0) }
    if let opened = await open(wanted, range: range, among: fresh[...], failures: &failures) { return opened }
    if let opened = await openRestarted(wanted, range: range, failures: &failures) { return opened }
    throw error(for: wanted.location, after: failures.map(\.error))
  }

  /// Reads the registry and asks those nodes again that could not be reached and have restarted since, perhaps at another
  /// address.
  private func openRestarted(
    _ wanted: Wanted, range: Range<UInt64>?, failures: inout [Failure]
  ) async -> Opened? {
    let unreachable = failures.compactMap { failure -> (node: NodeID, incarnation: UInt64?)? in
      guard case .unreachable(let node, _) = failure.error else { return nil }
      return (node, failure.incarnation)
    }
    guard !unreachable.isEmpty, !Task.isCancelled else { return nil }
    try? await view.refresh()
    let restarted = unreachable.filter { view.incarnation(of: $0.node) != $0.incarnation }.map(\.node)
    return await open(wanted, range: range, among: restarted[...], failures: &failures)
  }

  /// Asks one replica after the other; the second one at the same time, when the first takes unusually long.
  private func open(
    _ wanted: Wanted, range: Range<UInt64>?, among replicas: ArraySlice<NodeID>,
    failures: inout [Failure]
  ) async -> Opened? {
    var rest = replicas
    if rest.count > 1, let patience = latencies.patience {
      let (first, second) = (rest.removeFirst(), rest.removeFirst())
      switch await hedged(wanted, range, first, second, after: patience) {
      case .success(let (node, content)):
        return Opened(node: node, content: content, others: rest + [node == first ? second : first])
      case .failure(let failed): failures += failed.all
      }
    }
    while let node = rest.popFirst() {
      switch await ask(node, wanted, range) {
      case .success(let content): return Opened(node: node, content: content, others: rest)
      case .failure(let failure): failures.append(failure)
      }
    }
    return nil
  }

  /// Why a replica gave nothing.
  private struct Failure: Error {
    let error: NodeError
    /// Of the process that was asked.
    let incarnation: UInt64?
  }

  private struct Failures: Error {
    var all: [Failure] = []
  }

  private func hedged(
    _ wanted: Wanted, _ range: Range<UInt64>?, _ first: NodeID, _ second: NodeID, after patience: Duration
  ) async -> Result<(NodeID, BlobContent), Failures> {
    await withTaskGroup(of: (NodeID, Result<BlobContent, Failure>)?.self) { group in
      group.addTask { (first, await ask(first, wanted, range)) }
      group.addTask {
        try? await Task.sleep(for: patience)
        return nil
      }
      var failed = Failures()
      var asked = 1
      while let finished = await group.next() {
        switch finished {
        case (let node, .success(let content))?:
          group.cancelAll()
          return .success((node, content))
        case (_, .failure(let failure))?: failed.all.append(failure)
        case nil: break
        }
        if asked == 1 {
          asked = 2
          group.addTask { (second, await ask(second, wanted, range)) }
        } else if failed.all.count == 2 {
          group.cancelAll()
        }
      }
      return .failure(failed)
    }
  }

  private func ask(
    _ id: NodeID, _ wanted: Wanted, _ range: Range<UInt64>?
  ) async -> Result<BlobContent, Failure> {
    // Read before the address: otherwise it might be that of a newer process, which would then not be asked.
    let incarnation = view.incarnation(of: id)
    func failure(_ error: NodeError) -> Failure { Failure(error: error, incarnation: incarnation) }
    guard let node = directory.node(id) else { return .failure(failure(.unreachable(id, "its address is not known"))) }
    loads.begin(id)
    defer { loads.end(id) }
    let start = ContinuousClock.now
    do throws(NodeError) {
      let content = try await node.read(wanted.location, expecting: wanted.expected, range: range)
      latencies.add(.now - start)
      view.reached(id)
      return .success(content)
    } catch {
      await note(error, at: wanted.location)
      return .failure(failure(error))
    }
  }

  private func note(_ error: NodeError, at location: BlobLocation) async {
    // The reader went away, or another replica was faster.
    guard !Task.isCancelled else { return }
    if case .cancelled = error { return }
    logger.notice("read failed", metadata: ["blob": "\(location.blob)", "error": "\(error)"])
    switch error {
    case .unreachable(let node, let reason): view.suspect(node, because: reason)
    case .refused(let node, .corrupt, _), .refused(let node, .blobUnknown, _), .refused(let node, .volumeUnknown, _):
      // A replica that repair has replaced since it was looked up may lack what it likes.
      guard let volume = try? await allocator.find(location.volume, isFresh: true), volume.nodes.contains(node) else {
        return
      }
      report(DamagedReplica(location: location, node: node))
    case .refused, .cancelled: break
    }
  }

  private func error(for location: BlobLocation, after failures: [NodeError]) -> ObjectError {
    // What may pass is told first: the other replicas may be sound.
    for case .unreachable(let node, let reason) in failures {
      return .unavailable("no storage node that holds the file answers: node \(node) is unreachable: \(reason)")
    }
    switch failures.last {
    case .refused(_, .corrupt, let detail): return .corrupt("blob \(location.blob) is damaged: \(detail)")
    case .refused(_, .otherRecord, let detail):
      return .corrupt("the catalog's entry, or the manifest, is damaged: \(detail)")
    case .refused(_, .blobUnknown, _), .refused(_, .volumeUnknown, _):
      return .corrupt("blob \(location.blob) is missing on its node")
    case let error?: return .unavailable("no storage node that holds the file answers: \(error)")
    case nil: return .unavailable("no storage node that holds volume \(location.volume) is known")
    }
  }

  // MARK: Streaming

  /// Writes a record's bytes; when its replica breaks off, the next one goes on at the same byte.
  private func stream(
    _ wanted: Wanted, _ range: Range<UInt64>?, _ opened: Opened, length: UInt64, to sink: any ByteSink
  ) async throws {
    let start = range?.lowerBound ?? 0
    let counted = CountingSink(sink)
    var current = opened
    while true {
      let node = current.node
      loads.begin(node)
      defer { loads.end(node) }
      do {
        return try await current.content.write(to: counted)
      } catch let error as NodeError {
        // The reader went away: that says nothing of the node.
        guard !Task.isCancelled else { throw error }
        await note(error, at: wanted.location)
        // Bytes that went out already can't be taken back: better a broken answer than a wrong one.
        if case .refused(_, .corrupt, _) = error, counted.count > 0 { throw error }
        let left = start + counted.count..<start + length
        guard !left.isEmpty else { return }
        var failures: [Failure] = []
        var next = await open(wanted, range: left, among: current.others, failures: &failures)
        if next == nil { next = await openRestarted(wanted, range: left, failures: &failures) }
        guard let next else { throw error }
        logger.info(
          "read goes on with another replica",
          metadata: ["blob": "\(wanted.location.blob)", "node": "\(next.node)", "byte": "\(left.lowerBound)"])
        current = next
      }
    }
  }
}
