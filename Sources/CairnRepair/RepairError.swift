package import CairnCatalog
package import CairnModel
package import CairnNodeClient

/// Why work on a volume could not be done. It is tried again.
package enum RepairError: Error, CustomStringConvertible {
  case catalog(CatalogError)
  case node(NodeError)
  /// No node that has a replica answers.
  case noSource(VolumeID)
  /// Some of the nodes that have a replica don't answer.
  case nodesAway(VolumeID)
  /// It is not known yet whether a head record that some replicas lack was ever committed.
  case undecided(BlobLocation)
  /// No node can take a replica that is missing.
  case noTarget(VolumeID)
  /// Records that no replica has intact any more.
  case damaged(VolumeID, count: Int)
  /// A node that no heartbeat told of.
  case unknownNode(NodeID)
  case failed(String)

  package var description: String {
    switch self {
    case .catalog(let error): "\(error)"
    case .node(let error): "\(error)"
    case .noSource(let volume): "no node with a replica of volume \(volume) answers"
    case .nodesAway(let volume): "not all nodes with a replica of volume \(volume) answer"
    case .undecided(let head):
      "whether head \(head.blob) of volume \(head.volume) was ever committed is not known yet"
    case .noTarget(let volume): "no node can take another replica of volume \(volume) now"
    case .damaged(let volume, let count): "\(count) records of volume \(volume) are damaged on every replica"
    case .unknownNode(let node): "the address of node \(node) is not known"
    case .failed(let reason): reason
    }
  }

  /// What `error` is to whoever waits for a repair.
  init(_ error: any Error) {
    switch error {
    case let error as RepairError: self = error
    case let error as NodeError: self = .node(error)
    case let error as CatalogError: self = .catalog(error)
    default: self = .failed("\(error)")
    }
  }
}
