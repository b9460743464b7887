internal import CairnCluster
internal import CairnHTTP
internal import CairnModel
internal import CairnObjects

extension NativeAPI {
  /// `GET /blob/{name}/status`: which nodes hold the file, whether all of them answer, and where more copies will be.
  func blobStatus(_ encodedName: Substring) async throws(APIError) -> HTTPResponse {
    let (_, object) = try await find(encodedName)
    let status: ReplicationStatus
    do throws(ObjectError) {
      status = try await objects.replication(of: object)
    } catch {
      throw APIError(error)
    }
    let holders = status.successful.union(status.failed)
    // Which node gets a missing replica is decided when it is made: each that could is pending.
    let pending = status.missingReplicas > 0 ? view.activeNodes.map(\.report.node).filter { !holders.contains($0) } : []
    return HTTPResponse(json: { json in
      json.member("blob_id", object.head.blob.description)
      json.member("status", status.isComplete ? "completed" : "degraded")
      json.member("successful_nodes", status.successful.sorted().map(\.description))
      json.member("failed_nodes", status.failed.sorted().map(\.description))
      json.member("pending_nodes", pending.map(\.description))
      json.member("missing_replicas", max(status.missingReplicas, 0))
    })
  }
}
