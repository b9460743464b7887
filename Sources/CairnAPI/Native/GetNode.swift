internal import CairnCatalog
internal import CairnCluster
internal import CairnHTTP
internal import CairnModel

extension NativeAPI {
  /// `GET /nodes/{id}`: one node, how many volumes it is to hold, and whether it may be switched off.
  func getNode(_ text: Substring) async throws(APIError) -> HTTPResponse {
    let node = try await registeredNode(text)
    let id = node.report.node
    let holding = try await holding(of: id)
    let status = node.statusWord(isActive: view.isActive(id))
    let nodes = view.nodeStatuses
    // A replica leaves a node only for another one that has none of its volume yet.
    let needed = min(holding.replicasWanted, nodes.count)
    let nodesMissing = max(needed - nodes.count { $0.report.node != id && $0.state == .active }, 0)
    return HTTPResponse(json: { json in
      json.nodeMembers(node, status: status, detail: detail(of: node))
      json.member("storage_dir", node.report.storagePath)
      json.member("draining", node.isDraining)
      json.member("volumes", holding.volumes)
      if node.isDraining {
        json.member("volumes_left", holding.volumes)
        json.member("nodes_missing", nodesMissing)
        json.member("may_be_switched_off", holding.volumes == 0)
      }
    })
  }

  /// The node that a path names, as the registry knows it now.
  func registeredNode(_ text: Substring) async throws(APIError) -> RegisteredNode {
    do throws(CatalogError) {
      try await view.refresh()
    } catch {
      throw APIError(error)
    }
    guard let id = NodeID(text), let node = view.registered(id) else { throw .noSuchNode(text) }
    return node
  }
}

extension RegisteredNode {
  /// A node's status in one word: what matters most of it.
  func statusWord(isActive: Bool) -> String {
    guard isActive else { return "inactive" }
    if isDraining { return "draining" }
    return report.readOnly ? "read-only" : "active"
  }
}

extension JSONText {
  /// A node as `/status` and `/nodes/{id}` show it.
  mutating func nodeMembers(_ node: RegisteredNode, status: String, detail: String?) {
    let report = node.report
    // What other programs use and the disk reserve count as well: Cairn can't have it.
    let used = report.capacity - min(report.available, report.capacity)
    member("node_id", report.node.description)
    member("address", report.address)
    member("port", report.port)
    member("zone", report.zone)
    member("status", status)
    member("last_heartbeat", HTTPDate.iso8601(nanosecondsSinceEpoch: node.lastHeartbeat.nanosecondsSinceEpoch))
    member("capacity", report.capacity)
    member("available", report.available)
    member("used", used)
    member("fill", decimal: report.capacity == 0 ? 0 : Double(used) / Double(report.capacity))
    member("volume_count", report.volumeCount)
    member("blob_count", report.blobCount)
    member("damaged_count", report.damagedCount)
    if let detail { member("detail", detail) }
  }
}
