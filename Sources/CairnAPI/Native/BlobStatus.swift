internal import CairnCluster
internal import CairnHTTP
internal import CairnModel
internal import CairnObjects

extension NativeAPI {
  /// `GET /blob/{name}/status`: which nodes hold the file, whether all of them answer, and where more copies will be.
  func blobStatus(_ encodedName: Substring) async throws(APIError) -> HTTPResponse {
    let (key, object) = try await find(encodedName)
    let status: ReplicationStatus
    do throws(ObjectError) {
      status = try await objects.replication(of: object, named: ObjectName(key: key))
    } catch {
      throw APIError(error)
    }
    var planned: [VolumeID: Set<NodeID>] = [:]
    if !status.incomplete.isEmpty {
      do {
        planned = try await maintenance.plannedCopies(Set(status.incomplete.keys))
      } catch {
        throw .unavailable("\(error)")
      }
    }
    // A node that is to get a part of the file does not count as having it, whatever other parts it has.
    let pending = planned.values.reduce(into: Set()) { $0.formUnion($1) }.subtracting(status.failed)
    return HTTPResponse(json: { json in
      json.member("blob_id", object.head.blob.description)
      json.member("status", word(for: status, planned))
      json.member("successful_nodes", status.successful.subtracting(pending).sorted().map(\.description))
      json.member("failed_nodes", status.failed.sorted().map(\.description))
      json.member("pending_nodes", pending.sorted().map(\.description))
      json.member("missing_replicas", max(status.missingReplicas, 0))
    })
  }

  private func word(for status: ReplicationStatus, _ planned: [VolumeID: Set<NodeID>]) -> String {
    if status.isComplete { return "completed" }
    // Nothing can be copied from a node that is away, or to one that is not there.
    let active = view.activeNodes.map(\.report.node)
    let isPossible = status.incomplete.values.allSatisfy { holders in active.contains { !holders.contains($0) } }
    guard status.failed.isEmpty, isPossible else { return "degraded" }
    let isAsked = status.incomplete.keys.allSatisfy { planned[$0] != nil }
    return isAsked || objects.replicationMode == .async ? "in_progress" : "degraded"
  }
}
