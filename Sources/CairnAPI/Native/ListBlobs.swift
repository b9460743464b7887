internal import CairnCatalog
internal import CairnHTTP
internal import CairnModel
internal import CairnObjects
internal import NIOHTTP1

extension NativeAPI {
  /// `GET /blobs`: names in bytewise order, page by page.
  func listBlobs(_ query: QueryParameters) async throws(APIError) -> HTTPResponse {
    var limit = CatalogLimits.pageLengthMax
    if let text = query["limit"] {
      guard let number = Int(text), (1...CatalogLimits.pageLengthMax).contains(number) else {
        throw APIError(.badRequest, "limit is '\(text)', allowed are 1 to \(CatalogLimits.pageLengthMax)")
      }
      limit = number
    }
    let page: ListPage
    do throws(ObjectError) {
      page = try await objects.list(
        .default,
        ListQuery(
          prefix: query["prefix"] ?? "", delimiter: query["delimiter"].flatMap { $0.isEmpty ? nil : $0 },
          startAfter: query["start_after"], limit: limit))
    } catch {
      throw APIError(error)
    }
    return HTTPResponse(json: { json in
      json.key("blobs")
      json.array(page.entries) { json, entry in
        let attributes = entry.object.attributes
        json.object { json in
          json.member("name", entry.key.text)
          json.member("size", attributes.size)
          json.member("etag", attributes.etag)
          json.member("content_type", attributes.contentType)
          json.member(
            "last_modified", HTTPDate.iso8601(nanosecondsSinceEpoch: attributes.createdAt.nanosecondsSinceEpoch))
          json.member("blob_id", entry.object.head.blob.description)
        }
      }
      json.member("prefixes", page.prefixes)
      json.member("next_start_after", page.nextStartAfter)
    })
  }
}
