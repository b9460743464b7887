package import CairnHTTP
package import CairnModel
package import CairnNodeClient

/// Finds the node that an id names.
package protocol NodeDirectory: Sendable {
  /// nil for a node that was never seen.
  func node(_ id: NodeID) -> (any StorageNode)?
}

/// The nodes of a cluster, each where its last heartbeat said.
package struct ClusterDirectory: NodeDirectory {
  private let local: (any StorageNode)?
  private let view: ClusterView
  private let client: HTTPClient
  private let tokens: NodeTokens?
  private let lines = NodeLines()

  /// - Parameters:
  ///   - local: the node in this process, which is reached without the network.
  ///   - tokens: makes the tokens that nodes ask for; nil in a cluster without a secret.
  package init(local: (any StorageNode)? = nil, view: ClusterView, client: HTTPClient, tokens: NodeTokens?) {
    self.local = local
    self.view = view
    self.client = client
    self.tokens = tokens
  }

  package func node(_ id: NodeID) -> (any StorageNode)? {
    if let local, local.id == id { return local }
    return view.report(of: id).map { report in
      RemoteNode(id: id, address: ListenAddress(of: report), client: client, tokens: tokens, lines: lines)
    }
  }
}

/// The one node of `cairn server`.
package struct LocalDirectory: NodeDirectory {
  private let local: any StorageNode

  package init(_ local: any StorageNode) {
    self.local = local
  }

  package func node(_ id: NodeID) -> (any StorageNode)? {
    id == local.id ? local : nil
  }
}
