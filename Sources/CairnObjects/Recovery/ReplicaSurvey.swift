package import CairnModel
package import CairnNodeClient

/// Which replicas of which volumes are on the disks, as the nodes tell it.
package struct ReplicaSurvey: Sendable {
  /// A node whose records can be read.
  package typealias Source = StorageNode & RecordLog

  package private(set) var replicas: [VolumeID: [NodeID: ReplicaSummary]] = [:]
  /// Nodes that could not be asked, and why.
  package private(set) var unreachable: [NodeID: String] = [:]
  /// Nodes that were asked.
  package private(set) var answered: Set<NodeID> = []

  /// Asks all nodes at once.
  package static func take(of sources: [any Source]) async -> ReplicaSurvey {
    typealias Answer = (node: NodeID, result: Result<[ReplicaSummary], NodeError>)
    return await withTaskGroup(of: Answer.self) { group in
      for source in sources {
        group.addTask {
          do throws(NodeError) { return (source.id, .success(try await source.volumes())) } catch {
            return (source.id, .failure(error))
          }
        }
      }
      var survey = ReplicaSurvey()
      for await answer in group {
        switch answer.result {
        case .success(let replicas):
          survey.answered.insert(answer.node)
          for replica in replicas { survey.replicas[replica.id, default: [:]][answer.node] = replica }
        case .failure(let error): survey.unreachable[answer.node] = "\(error)"
        }
      }
      return survey
    }
  }

  /// Forgets all other volumes.
  mutating func keep(_ volumes: Set<VolumeID>) {
    replicas = replicas.filter { volumes.contains($0.key) }
  }

  /// A replica takes no more records, and so none does.
  package func isSealed(_ volume: VolumeID) -> Bool {
    replicas[volume]?.values.contains { $0.state == .sealed || $0.isFailed } ?? false
  }

  /// The nodes whose replica should have every acknowledged record, those first that are best to read. Whether it has
  /// them all is told by comparing it with the others.
  ///
  /// A replica that is being copied is open on its target while its source is sealed: where one is sealed, only
  /// sealed ones are complete.
  package func completeReplicas(of volume: VolumeID) -> [NodeID] {
    let all = replicas[volume] ?? [:]
    let sealed = all.filter { $0.value.state == .sealed }
    return (sealed.isEmpty ? all : sealed)
      .sorted { left, right in
        func rank(_ replica: (key: NodeID, value: ReplicaSummary)) -> (Int, UInt64, NodeID) {
          (replica.value.isFailed ? 1 : 0, replica.value.damagedCount, replica.key)
        }
        return rank(left) < rank(right)
      }.map(\.key)
  }

  /// How the catalog's list of a volume differs from the disks, among the nodes that were asked.
  package func differences(of volume: Volume) -> [ReplicaDifference] {
    let complete = Set(completeReplicas(of: volume.id))
    let listed = Set(volume.nodes)
    var found = volume.nodes.filter { answered.contains($0) && !complete.contains($0) }
      .map { ReplicaDifference.missingOnNode(volume.id, $0) }
    found += complete.subtracting(listed).sorted().map { .notListed(volume.id, $0) }
    return found
  }
}

/// A replica that the catalog and the disks, or the disks among each other, do not agree on.
package enum ReplicaDifference: Hashable, Sendable, CustomStringConvertible {
  /// The catalog names the node, which has no complete replica.
  case missingOnNode(VolumeID, NodeID)
  /// The node has a complete replica, and the catalog doesn't name it.
  case notListed(VolumeID, NodeID)
  /// The node's replica lacks records that another one has.
  case recordsMissing(VolumeID, NodeID, count: Int)
  /// Records that are not the same on all replicas.
  case recordsContradict(VolumeID, count: Int)

  package var description: String {
    switch self {
    case .missingOnNode(let volume, let node):
      "volume \(volume): the catalog names node \(node), which has no complete replica"
    case .notListed(let volume, let node): "volume \(volume): node \(node) has a replica that the catalog doesn't name"
    case .recordsMissing(let volume, let node, let count):
      "volume \(volume): node \(node) lacks records that another replica has: \(count)"
    case .recordsContradict(let volume, let count):
      "volume \(volume): records that are not the same on all replicas: \(count)"
    }
  }
}
