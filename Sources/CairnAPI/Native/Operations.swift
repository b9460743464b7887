internal import CairnCatalog
internal import CairnCluster
internal import CairnHTTP
internal import CairnModel
internal import CairnObjects
internal import NIOHTTP1

extension NativeAPI {
  /// `GET /nodes`: who is alive, as this coordinator knows it.
  func nodes() -> HTTPResponse {
    let active = view.activeNodes
    let inactive = view.inactiveNodes
    let failure = view.registryFailure
    return HTTPResponse(json: { json in
      json.member("active_nodes_count", active.count)
      json.key("active_nodes")
      json.array(active) { $0.node($1, status: $1.statusWord(isActive: true), detail: nil) }
      json.key("inactive_nodes")
      json.array(inactive) { $0.node($1, status: $1.statusWord(isActive: false), detail: detail(of: $1)) }
      if let failure { json.member("detail", "What is said of the nodes is old: \(failure)") }
    })
  }

  /// Why a node is not used although it may be alive; nil where nothing is known.
  func detail(of node: RegisteredNode) -> String? {
    view.suspicion(of: node.report.node).map { "not reachable from here: \($0)" }
  }

  /// `GET /health`: the process serves.
  func health() -> HTTPResponse {
    HTTPResponse(json: { json in
      json.member("status", "healthy")
      json.member("role", identity.role)
      json.member("version", identity.version)
      json.member("durability", identity.durability)
      json.member("replication_mode", identity.replication.rawValue)
    })
  }

  /// `GET /ready`: it can do its job, or says why not.
  func ready() async throws(APIError) -> HTTPResponse {
    do throws(CatalogError) {
      try await catalog.ping()
    } catch {
      throw .unavailable("\(error)")
    }
    if let reason = reasonNotReady() {
      // Both, as a catalog that loses entries may have lost the nodes too.
      throw view.hasActiveNode
        ? .unavailable(reason) : .unavailable("No storage nodes available. \(reason)", retryAfter: 5)
    }
    if let obstacle = objects.uploadObstacle {
      throw .unavailable("Uploads are refused: \(APIError(obstacle).detail)", retryAfter: 5)
    }
    return HTTPResponse(json: { $0.member("status", "ready") })
  }
}

extension JSONText {
  fileprivate mutating func node(_ node: RegisteredNode, status: String, detail: String?) {
    let report = node.report
    object { json in
      json.member("node_id", report.node.description)
      json.member("storage_dir", report.storagePath)
      json.member("available_space", report.available)
      json.member("capacity", report.capacity)
      json.member("status", status)
      json.member(
        "last_heartbeat", HTTPDate.iso8601(nanosecondsSinceEpoch: node.lastHeartbeat.nanosecondsSinceEpoch))
      json.member("listen_port", report.port)
      json.member("address", report.address)
      json.member("zone", report.zone)
      json.member("blob_count", report.blobCount)
      json.member("volume_count", report.volumeCount)
      if let detail { json.member("detail", detail) }
    }
  }
}
