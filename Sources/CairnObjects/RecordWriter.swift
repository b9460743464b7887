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

/// Why a record is not durable on every replica of any volume.
struct AppendFailure: Error {
  let error: ObjectError
  /// Volumes that were tried: some of their replicas may have the record. Whoever tells a client that the write failed
  /// has to make sure first that nobody brings it to life.
  let abandoned: [BlobLocation]
}

/// Puts records on nodes, and finds another place for those that a node fails to take.
package struct RecordWriter: Sendable {
  /// Places that are tried for one record. A place that was closed meanwhile costs little, so there may be many.
  private static let attemptsMax = 32

  private let allocator: VolumeAllocator
  private let view: ClusterView
  private let directory: any NodeDirectory
  /// How long a write waits in all for nodes to take its record.
  private let patience: Duration
  private let logger: Logger

  package init(
    allocator: VolumeAllocator, view: ClusterView, directory: any NodeDirectory, patience: Duration, logger: Logger
  ) {
    self.allocator = allocator
    self.view = view
    self.directory = directory
    self.patience = patience
    self.logger = logger
  }

  /// Returns when the record is durable on every node of a volume: with `REPLICATION_MODE=async` that is one.
  ///
  /// An append that fails, for whatever reason, seals its volume, and the record goes to another volume. A node that
  /// failed is avoided, unless the record was damaged on its way there, which may happen once.
  ///
  /// - Parameter replicas: what the upload asks for; nil for the operator's factor.
  func append(_ record: EncodedRecord, replicas: Int? = nil) async throws(AppendFailure) -> WrittenRecord {
    var attempt = AppendAttempt(VolumeRequest(replicas: replicas, forTombstone: record.header.kind == .tombstone))
    let end = ContinuousClock.now + patience
    for _ in 0..<Self.attemptsMax {
      let volume: Volume
      do throws(AllocationError) {
        volume = try await allocator.volume(for: attempt.request)
      } catch {
        // A node that can't even make a volume is skipped like one that fails an append.
        if case .failed(let cause) = error, !attempt.request.avoided.contains(cause.node) {
          attempt.failed(cause)
          continue
        }
        // The record is in memory: better to wait for a node than to fail the client. It need not be one that this write
        // has met: others may have found out before.
        if attempt.mayRecover || view.hasLostNode(within: patience), let needed = error.nodesLacking,
          await waitForNodes(needed, for: &attempt, until: end)
        {
          continue
        }
        throw AppendFailure(error: objectError(error, after: attempt.lastError), abandoned: attempt.abandoned)
      }
      let failures = await append(record, to: volume)
      guard !failures.isEmpty else { return WrittenRecord(volume: volume, abandoned: attempt.abandoned) }
      for failure in failures {
        logger.notice("append failed", metadata: ["volume": "\(volume.id)", "error": "\(failure)"])
        await doubt(failure)
        attempt.failed(failure)
      }
      // The only node that was asked wrote nothing.
      if volume.nodes.count == 1, failures[0].isBeforeWriting { continue }
      // Some replicas may have the record now: others that append without it would make them unequal for good.
      attempt.abandoned.append(BlobLocation(volume: volume.id, blob: record.header.blob))
      await allocator.seal(volume)
    }
    let reason = "no storage node took the record: \(attempt.lastError.map { "\($0)" } ?? "")"
    throw AppendFailure(error: .unavailable(reason), abandoned: attempt.abandoned)
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

  /// Waits until as many nodes take the record as it needs: those that could not be reached count again when a probe
  /// has reached them, and a tombstone is taken on full disks, too.
  private func waitForNodes(
    _ needed: Int, for attempt: inout AppendAttempt, until end: ContinuousClock.Instant
  ) async -> Bool {
    while ContinuousClock.now < end, !Task.isCancelled {
      try? await Task.sleep(for: .milliseconds(100))
      try? await view.refresh()
      let writable = view.activeNodes.filter { node in
        (node.takesData || attempt.request.isForTombstone) && !attempt.refusing.contains(node.report.node)
      }
      guard writable.count >= needed else { continue }
      attempt.request.avoided = attempt.refusing
      return true
    }
    return false
  }

  /// Without the registry nobody knows which nodes there are: their silence is none of their own.
  private func objectError(_ error: AllocationError, after cause: NodeError?) -> ObjectError {
    guard error.nodesLacking != nil, let reason = view.registryFailure else { return ObjectError(error, after: cause) }
    return .unavailable(reason)
  }

  /// Remembers what a failure says about its node beyond this write.
  private func doubt(_ error: NodeError) async {
    switch error {
    case .unreachable(let node, let reason): view.suspect(node, because: reason)
    case .refused(let node, .wrongNode, let reason):
      // The address belongs to another node now: perhaps the registry already knows the new one.
      view.suspect(node, because: reason)
      try? await view.refresh()
    case .refused, .cancelled: break
    }
  }
}

/// What one write has met so far.
private struct AppendAttempt {
  var request: VolumeRequest
  var lastError: NodeError?
  var abandoned: [BlobLocation] = []
  /// Avoided nodes that answered, but won't take the record.
  var refusing: Set<NodeID> = []
  /// Nodes that a record reached damaged.
  private var damaged: Set<NodeID> = []

  init(_ request: VolumeRequest) {
    self.request = request
  }

  /// Nodes could not be reached, and may be back soon.
  var mayRecover: Bool { !request.avoided.isSubset(of: refusing) }

  mutating func failed(_ error: NodeError) {
    lastError = error
    switch error {
    case .unreachable(let node, _), .refused(let node, .wrongNode, _), .cancelled(let node):
      request.avoided.insert(node)
    // That is the volume's fault, not the node's.
    case .refused(_, .volumeClosed, _), .refused(_, .volumeUnknown, _): break
    // What was damaged on its way once is sent again.
    case .refused(let node, .malformed, _) where damaged.insert(node).inserted: break
    case .refused(let node, _, _):
      request.avoided.insert(node)
      refusing.insert(node)
    }
  }
}

extension NodeError {
  /// The node refused the record before it wrote any of it.
  fileprivate var isBeforeWriting: Bool {
    switch self {
    case .refused(_, .readOnly, _), .refused(_, .wrongNode, _), .refused(_, .unauthorized, _),
      .refused(_, .malformed, _):
      true
    case .refused, .unreachable, .cancelled: false
    }
  }
}

extension AllocationError {
  /// How many nodes have to take data before another try; nil where nodes would not help.
  fileprivate var nodesLacking: Int? {
    switch self {
    case .noActiveNode: 1
    case .tooFewNodes(_, let needed): needed
    case .noSpace, .catalog, .failed: nil
    }
  }
}

extension ObjectError {
  /// - Parameter cause: what happened before, when nothing is left to try.
  init(_ error: AllocationError, after cause: NodeError? = nil) {
    switch (error, cause) {
    case (.noActiveNode, .refused(_, .unauthorized, let reason)?),
      (.tooFewNodes, .refused(_, .unauthorized, let reason)?),
      (.failed(.refused(_, .unauthorized, let reason)), _):
      self = .failed("a storage node refused the coordinator: \(reason)")
    case (.noActiveNode, .refused(_, .readOnly, _)?), (.noSpace, _):
      self = .noSpace("The disk reserve of every storage node is reached")
    case (.noActiveNode, _): self = .noActiveNode
    case (.tooFewNodes(let writable, let needed), _): self = .tooFewNodes(writable: writable, needed: needed)
    case (.catalog(let error), _): self = .unavailable("\(error)")
    case (.failed(.refused(_, .readOnly, _)), _):
      self = .noSpace("The disk reserve of every storage node is reached")
    case (.failed(.unreachable), _): self = .noActiveNode
    case (.failed(.cancelled(let node)), _): self = .unavailable("\(NodeError.cancelled(node))")
    case (.failed(let error), _): self = .failed("\(error)")
    }
  }
}
