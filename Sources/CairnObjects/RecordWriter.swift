package import CairnCluster
package import CairnModel
internal import CairnNodeClient
package import Logging

/// Where a record is durable on every replica.
package struct WrittenRecord: Sendable {
  package let volume: Volume
  /// Volumes that were tried before: some of their replicas may have the record, and it is garbage there.
  let abandoned: [BlobLocation]
}

/// Puts records on nodes, and finds another place for those that a node fails to take.
package struct RecordWriter: Sendable {
  /// Places that are tried for one record. A place that was closed meanwhile costs little, so there may be many.
  private static let attemptsMax = 32
  /// How long a write waits when every node that it knows has failed it: long enough for a node to start again.
  static let patience: Duration = .seconds(10)

  private let allocator: VolumeAllocator
  private let view: ClusterView
  private let directory: any NodeDirectory
  private let logger: Logger

  package init(allocator: VolumeAllocator, view: ClusterView, directory: any NodeDirectory, logger: Logger) {
    self.allocator = allocator
    self.view = view
    self.directory = directory
    self.logger = logger
  }

  /// Returns when the record is durable on every node of a volume: with `REPLICATION_MODE=async` that is one.
  ///
  /// A node that fails makes the volume sealed, and the record is replayed into another volume on other nodes.
  ///
  /// - Parameter replicas: what the upload asks for; nil for the operator's factor.
  package func append(
    _ record: EncodedRecord, replicas: Int? = nil
  ) async throws(ObjectError) -> WrittenRecord {
    var request = VolumeRequest(replicas: replicas, forTombstone: record.header.kind == .tombstone)
    var lastError: NodeError?
    var abandoned: [BlobLocation] = []
    for _ in 0..<Self.attemptsMax {
      let volume: Volume
      do throws(AllocationError) {
        volume = try await allocator.volume(for: request)
      } catch {
        // A node that can't even make a volume is skipped like one that fails an append.
        if case .failed(let cause) = error, case .unreachable(let node, _) = cause {
          request.avoided.insert(node)
          lastError = cause
          continue
        }
        // The record is in memory: better to wait for a node than to fail the client.
        if error.isForLackOfNodes, case .unreachable = lastError, await waitForNodes(beside: request.avoided) {
          request.avoided = []
          continue
        }
        throw ObjectError(error, after: lastError)
      }
      let failures = await append(record, to: volume)
      guard let failure = failures.first else { return WrittenRecord(volume: volume, abandoned: abandoned) }
      lastError = failure
      abandoned.append(BlobLocation(volume: volume.id, blob: record.header.blob))
      for failure in failures {
        logger.notice("append failed", metadata: ["volume": "\(volume.id)", "error": "\(failure)"])
        try await avoid(volume, because: failure, avoided: &request.avoided)
      }
    }
    throw .unavailable("no storage node took the record: \(lastError.map { "\($0)" } ?? "")")
  }

  /// Appends to all nodes of a volume of the caller's choice at once, without another try.
  ///
  /// - Returns: what failed; nothing when the record is durable on every node.
  func append(_ record: EncodedRecord, to volume: Volume) async -> [NodeError] {
    let failures = await appendToAll(record, volume)
    if failures.isEmpty { allocator.appended(record.header.paddedLength, to: volume) }
    return failures
  }

  private func appendToAll(_ record: EncodedRecord, _ volume: Volume) async -> [NodeError] {
    if volume.nodes.count == 1 {
      return await append(record, to: volume, on: volume.nodes[0]).map { [$0] } ?? []
    }
    return await withTaskGroup(of: NodeError?.self) { group in
      for node in volume.nodes {
        group.addTask { await append(record, to: volume, on: node) }
      }
      return await group.reduce(into: []) { failures, failure in failures += failure.map { [$0] } ?? [] }
    }
  }

  private func append(_ record: EncodedRecord, to volume: Volume, on id: NodeID) async -> NodeError? {
    guard let node = directory.node(id) else { return .unreachable(id, "its address is not known") }
    do throws(NodeError) {
      try await node.append(record, to: volume.id)
      return nil
    } catch {
      return error
    }
  }

  /// Waits until another node than those that failed, or one of them again, answers.
  private func waitForNodes(beside avoided: Set<NodeID>) async -> Bool {
    let clock = ContinuousClock()
    let end = clock.now + Self.patience
    while clock.now < end, !Task.isCancelled {
      guard await view.waitForActiveNode(atMost: end - clock.now) else { return false }
      // Those that failed count again when a heartbeat has cleared them.
      if avoided.contains(where: view.isActive) { return true }
      try? await Task.sleep(for: .milliseconds(100))
      try? await view.refresh()
    }
    return false
  }

  /// Draws the conclusions of a failed append.
  private func avoid(
    _ volume: Volume, because error: NodeError, avoided: inout Set<NodeID>
  ) async throws(ObjectError) {
    switch error {
    case .unreachable(let node, let reason):
      view.suspect(node, because: reason)
      avoided.insert(node)
      await allocator.seal(volume)
    case .refused(let node, .readOnly, _):
      avoided.insert(node)
      // Some of its replicas may have the record now, and must not be appended to by others without it.
      if volume.nodes.count > 1 { await allocator.seal(volume) }
    case .refused(let node, .wrongNode, let reason):
      // The address belongs to another node now: perhaps the registry already knows the new one.
      view.suspect(node, because: reason)
      try? await view.refresh()
      avoided.insert(node)
    case .refused(_, .volumeClosed, _), .refused(_, .volumeUnknown, _):
      await allocator.seal(volume)
    case .refused(let node, .failed, _):
      avoided.insert(node)
      await allocator.seal(volume)
    case .refused(_, .unauthorized, let reason), .refused(_, .malformed, let reason):
      throw .failed("a storage node refused the coordinator: \(reason)")
    case .refused(_, .blobUnknown, let reason), .refused(_, .corrupt, let reason),
      .refused(_, .otherRecord, let reason):
      throw .failed("a storage node answered an append as if it were a read: \(reason)")
    }
  }
}

extension AllocationError {
  /// Nodes that come back would help.
  fileprivate var isForLackOfNodes: Bool {
    switch self {
    case .noActiveNode, .tooFewNodes: true
    case .noSpace, .catalog, .failed: false
    }
  }
}

extension ObjectError {
  /// - Parameter cause: what happened before, when nothing is left to try.
  init(_ error: AllocationError, after cause: NodeError? = nil) {
    switch (error, cause) {
    case (.noActiveNode, .refused(_, .readOnly, _)?), (.noSpace, _):
      self = .noSpace("The disk reserve of every storage node is reached")
    case (.noActiveNode, _): self = .noActiveNode
    case (.tooFewNodes(let writable, let needed), _): self = .tooFewNodes(writable: writable, needed: needed)
    case (.catalog(let error), _): self = .unavailable("\(error)")
    case (.failed(.refused(_, .readOnly, _)), _):
      self = .noSpace("The disk reserve of every storage node is reached")
    case (.failed(.unreachable), _): self = .noActiveNode
    case (.failed(let error), _): self = .failed("\(error)")
    }
  }
}
