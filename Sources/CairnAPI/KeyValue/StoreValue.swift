internal import CairnHTTP
internal import CairnModel
internal import CairnObjects
internal import NIOHTTP1

extension NativeAPI {
  private static let filenameField = "filename"
  private static let extensionField = "extension"
  private static let values = WantedFields(key: "key", content: "value", others: [filenameField, extensionField])

  /// `POST /store`: a JSON object with a key and a text, which is stored as it streams.
  func store(_ request: HTTPRequest, _ query: QueryParameters) async throws(APIError) -> HTTPResponse {
    let rule = try conflictRule(query) ?? .overwrite
    let replicas = try replicas(request)
    let fields = try fieldReader(request, JSONFieldParser(), bytesMax: objects.settings.objectSizeMax)
    let staged = try await stage(
      fields, Self.values,
      from: BodySource(length: nil, next: { try await fields.nextBytes() }, client: { request.budgetClient }),
      replicas: replicas, onConflict: rule)
    let description = UploadDescription(
      contentType: "text/plain; charset=utf-8", originalFilename: filename(staged.others), replicas: replicas)
    do throws(ObjectError) {
      let result = try await objects.commit(
        staged.object, as: ObjectName(key: staged.key), description, onConflict: rule)
      return HTTPResponse(json: { json in
        json.member("status", "saved")
        json.member("key", result.name.key.text)
      })
    } catch {
      throw APIError(error)
    }
  }

  /// The name of the file that a value was, with its extension once.
  private func filename(_ fields: [String: String]) -> String? {
    let filename = fields[Self.filenameField] ?? ""
    guard let ending = fields[Self.extensionField], !ending.isEmpty else { return filename.isEmpty ? nil : filename }
    let suffix = ByteText(ending.utf8.first == UInt8(ascii: ".") ? ending : "." + ending)
    return ByteText(filename).ends(with: suffix) ? filename : filename + suffix.string
  }
}
