package import CairnCluster
package import CairnModel
internal import CairnNodeClient
package import Logging

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

  /// Returns when the record is durable on every node of the volume that is returned.
  ///
  /// A node that fails makes the volume sealed, and the record is replayed into another volume on other nodes.
  package func append(_ record: EncodedRecord) async throws(ObjectError) -> Volume {
    var avoided: Set<NodeID> = []
    var lastError: NodeError?
    for _ in 0..<Self.attemptsMax {
      let volume: Volume
      do throws(AllocationError) {
        volume = try await allocator.volume(avoiding: avoided, forTombstone: record.header.kind == .tombstone)
      } catch {
        // A node that can't even make a volume is skipped like one that fails an append.
        if case .failed(let cause) = error, case .unreachable(let node, _) = cause {
          avoided.insert(node)
          lastError = cause
          continue
        }
        // The record is in memory: better to wait for a node than to fail the client.
        if case .noActiveNode = error, case .unreachable = lastError,
          await view.waitForActiveNode(atMost: Self.patience)
        {
          avoided = []
          continue
        }
        throw ObjectError(error, after: lastError)
      }
      do throws(NodeError) {
        try await append(record, to: volume)
        return volume
      } catch {
        lastError = error
        logger.notice("append failed", metadata: ["volume": "\(volume.id)", "error": "\(error)"])
        try await avoid(volume, because: error, avoided: &avoided)
      }
    }
    throw .unavailable("no storage node took the record: \(lastError.map { "\($0)" } ?? "")")
  }

  /// Appends to a volume of the caller's choice, without another try.
  func append(_ record: EncodedRecord, to volume: Volume) async throws(NodeError) {
    for id in volume.nodes {
      guard let node = directory.node(id) else { throw .unreachable(id, "its address is not known") }
      try await node.append(record, to: volume.id)
    }
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
    case .refused(_, .blobUnknown, let reason), .refused(_, .corrupt, let reason):
      throw .failed("a storage node answered an append as if it were a read: \(reason)")
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
    case (.catalog(let error), _): self = .unavailable("\(error)")
    case (.failed(.refused(_, .readOnly, _)), _):
      self = .noSpace("The disk reserve of every storage node is reached")
    case (.failed(.unreachable), _): self = .noActiveNode
    case (.failed(let error), _): self = .failed("\(error)")
    }
  }
}
