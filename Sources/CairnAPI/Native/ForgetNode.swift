internal import CairnCatalog
internal import CairnCluster
internal import CairnHTTP
internal import CairnModel
internal import Logging
internal import NIOHTTP1

extension NativeAPI {
  /// `DELETE /nodes/{id}`: forgets a node that is gone for good, and that no volume needs any more.
  func forgetNode(_ text: Substring) async throws(APIError) -> HTTPResponse {
    let node = try await registeredNode(text)
    let id = node.report.node
    guard !view.isActive(id) else {
      let next = node.isDraining ? "stop its process" : "drain it, then stop its process"
      throw APIError(.conflict, "Node \(id) is active: \(next), then forget it")
    }
    let volumes = try await holding(of: id).volumes
    guard volumes == 0 else {
      let replicas = volumes == 1 ? "1 volume has its replica" : "\(volumes) volumes have replicas"
      throw APIError(
        .conflict, "\(replicas) on node \(id): start it again, or wait until repair has made them anew elsewhere")
    }
    do throws(CatalogError) {
      try await catalog.forget(id)
      try await view.refresh()
    } catch {
      throw APIError(error)
    }
    logger.notice("node forgotten", metadata: ["node": "\(id)"])
    return HTTPResponse(json: { $0.member("forgotten", id.description) })
  }
}
