import CairnCatalog
import CairnHTTP
import CairnModel
import CairnNodeClient
import CairnObjects
import Foundation
import NIOCore
import NIOHTTP1

/// Finds the nodes of a cluster whose registry may have been lost.
struct RecoveryNodes {
  struct Found {
    var sources: [RemoteNode] = []
    /// Nodes that are known and can't be asked, and why.
    var away: [NodeID: String] = [:]
  }

  let catalog: RedisCatalog
  let client: HTTPClient
  let tokens: NodeTokens?
  let membership: MembershipConfiguration
  /// Addresses that the operator gave.
  let given: [ListenAddress]
  let process: RoleProcess

  func find() async throws -> Found {
    var addresses: [NodeID: ListenAddress] = [:]
    for address in given { addresses[try await identity(of: address)] = address }
    let isEmpty = try await catalog.volumes(after: nil, limit: 1).isEmpty
    let named = Set(try await catalog.allVolumes().values.flatMap(\.nodes))
    let clock = ContinuousClock()
    let start = clock.now
    // An empty registry knows every node that lives when each had time for one heartbeat.
    let patienceMin = isEmpty ? membership.heartbeatInterval * 1.2 : .zero
    let patienceMax = membership.heartbeatInterval * 2
    var isTold = false
    while true {
      let found = try await look(addresses, named: named)
      let waited = clock.now - start
      if waited >= patienceMax || waited >= patienceMin && found.away.isEmpty && !found.sources.isEmpty { return found }
      if !isTold {
        let seconds = Double(patienceMax.milliseconds) / 1000
        RecoverOutput.note(
          "waiting up to \(seconds) s (two NODE_HEARTBEAT_INTERVAL) for the nodes to register, \(found.sources.count) have"
        )
        isTold = true
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  private func look(_ given: [NodeID: ListenAddress], named: Set<NodeID>) async throws -> Found {
    var addresses = given
    var found = Found()
    for node in named where addresses[node] == nil { found.away[node] = "it is not registered" }
    for node in try await catalog.nodes() where given[node.report.node] == nil {
      guard node.ageMilliseconds < membership.timeout.milliseconds else {
        let address = ListenAddress(of: node.report)
        found.away[node.report.node] = "no heartbeat from \(address) for NODE_TIMEOUT"
        continue
      }
      found.away[node.report.node] = nil
      addresses[node.report.node] = ListenAddress(of: node.report)
    }
    found.sources = addresses.sorted { $0.key < $1.key }.map {
      RemoteNode(id: $0.key, address: $0.value, client: client, tokens: tokens)
    }
    return found
  }

  private struct Health: Decodable {
    let nodeID: String

    enum CodingKeys: String, CodingKey {
      case nodeID = "node_id"
    }
  }

  struct NoNode: Error, CustomStringConvertible {
    let description: String
  }

  /// Asks the process at an address which node it is.
  private func identity(of address: ListenAddress) async throws -> NodeID {
    let answer = try await client.fetch(HTTPClientRequest(.GET, "/health"), from: address, limit: 64 << 10)
    let health = try? JSONDecoder().decode(Health.self, from: Data(answer.body.readableBytesView))
    guard let id = health.flatMap({ NodeID($0.nodeID) }) else {
      throw NoNode(description: "\(address) answered \(answer.status.code), not as a storage node does")
    }
    return id
  }
}

extension Duration {
  fileprivate var milliseconds: UInt64 {
    let (seconds, attoseconds) = components
    return UInt64(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000)
  }
}
