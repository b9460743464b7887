internal import CairnCatalog
internal import CairnCluster
internal import CairnHTTP
internal import CairnModel
internal import Logging
internal import NIOHTTP1

extension NativeAPI {
  /// `POST /nodes/{id}/drain`: what the node has is to move elsewhere; `DELETE` takes it back. Both may be said twice.
  ///
  /// Other coordinators learn of it when they read the registry next, within two seconds.
  func drainNode(_ text: Substring, _ isDraining: Bool) async throws(APIError) -> HTTPResponse {
    let id = try await registeredNode(text).report.node
    if isDraining {
      guard view.nodeStatuses.contains(where: { $0.report.node != id && $0.state == .active }) else {
        throw APIError(.conflict, "No other storage node takes data: start another one, then drain \(id)")
      }
    }
    let isKnown: Bool
    do throws(CatalogError) {
      isKnown = try await catalog.setDraining(id, isDraining)
    } catch {
      throw APIError(error)
    }
    guard isKnown else { throw .noSuchNode(text) }
    logger.notice("node \(isDraining ? "is to be emptied" : "takes data again")", metadata: ["node": "\(id)"])
    return try await getNode(text)
  }
}
