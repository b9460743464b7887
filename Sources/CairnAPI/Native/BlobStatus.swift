internal import CairnHTTP
internal import CairnModel
internal import CairnObjects

extension NativeAPI {
  /// `GET /blob/{name}/status`: which nodes hold the file, and whether all of them answer.
  func blobStatus(_ encodedName: Substring) async throws(APIError) -> HTTPResponse {
    let (_, object) = try await find(encodedName)
    let nodes: (active: [NodeID], inactive: [NodeID])
    do throws(ObjectError) {
      nodes = try await objects.nodes(of: object.head)
    } catch {
      throw APIError(error)
    }
    return HTTPResponse(json: { json in
      json.member("blob_id", object.head.blob.description)
      json.member("status", nodes.inactive.isEmpty ? "completed" : "degraded")
      json.member("successful_nodes", nodes.active.map(\.description))
      json.member("failed_nodes", nodes.inactive.map(\.description))
      json.member("pending_nodes", [])
    })
  }
}
