internal import CairnCatalog
internal import CairnModel

extension NativeAPI {
  /// Shows each volume of the catalog to `look`, a page at a time. O(volumes), however many objects they hold.
  func forEachPage(_ look: ([Volume]) -> Void) async throws(APIError) {
    var last: VolumeID?
    repeat {
      let page: [Volume]
      do throws(CatalogError) {
        page = try await catalog.volumes(after: last, limit: CatalogLimits.pageLengthMax)
      } catch {
        throw APIError(error)
      }
      look(page)
      last = page.count < CatalogLimits.pageLengthMax ? nil : page.last?.id
    } while last != nil
  }

  /// The volumes that have `node` in their lists.
  func holding(of node: NodeID) async throws(APIError) -> NodeHolding {
    var holding = NodeHolding()
    try await forEachPage { page in
      for volume in page where volume.nodes.contains(node) {
        holding.volumes += 1
        holding.replicasWanted = max(holding.replicasWanted, volume.replicasWanted)
      }
    }
    return holding
  }
}

/// What a node is to hold, as the catalog says.
struct NodeHolding: Hashable {
  var volumes = 0
  /// The most that any of the volumes wants.
  var replicasWanted = 0
}
