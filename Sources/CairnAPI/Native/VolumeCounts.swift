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

  /// How many volumes have `node` in their lists.
  func volumeCount(naming node: NodeID) async throws(APIError) -> Int {
    var count = 0
    try await forEachPage { page in count += page.count { $0.nodes.contains(node) } }
    return count
  }
}
