internal import CairnHTTP
internal import CairnModel
internal import CairnObjects
internal import NIOCore
internal import NIOHTTP1

extension NativeAPI {
  private static let files = WantedFields(key: "filename", content: "file")

  /// `POST /file`: a form or a JSON object with a name and the file as base64, which is decoded as it streams.
  func postFile(_ request: HTTPRequest, _ query: QueryParameters) async throws(APIError) -> HTTPResponse {
    let rule = try conflictRule(query) ?? .reject
    let replicas = try replicas(request)
    // Four characters stand for three bytes, and a form may take three for a character.
    let (bytesMax, isTooMany) = objects.settings.objectSizeMax.multipliedReportingOverflow(by: 4)
    let limit = isTooMany ? .max : bytesMax.addingReportingOverflow(Self.formOverheadMax).partialValue
    let (parser, spaceIsPlus) = try fieldParser(request)
    let fields = try fieldReader(request, parser, bytesMax: limit)
    let source = Base64Source(fields, Base64Decoder(spaceIsPlus: spaceIsPlus))
    let staged = try await stage(
      fields, Self.files,
      from: BodySource(length: nil, next: { try await source.next() }, client: { request.budgetClient }),
      replicas: replicas, onConflict: rule)
    let result: PutResult
    do throws(ObjectError) {
      result = try await objects.commit(
        staged.object, as: ObjectName(key: staged.key),
        UploadDescription(contentType: mediaType(nil), replicas: replicas), onConflict: rule)
    } catch {
      throw APIError(error)
    }
    return HTTPResponse(json: { json in
      json.member("filename", result.name.key.text)
      json.member("id", result.object.head.blob.description)
    })
  }

  /// What reads the body: a form of either type, else JSON.
  private func fieldParser(
    _ request: HTTPRequest
  ) throws(APIError) -> (parser: any FieldParser, spaceIsPlus: Bool) {
    let contentType = request.headers.first(name: "content-type")
    let mediaType = contentType?.prefix { $0 != ";" && $0 != " " }.lowercased()
    switch mediaType {
    case "application/x-www-form-urlencoded": return (URLEncodedFieldParser(), true)
    case "multipart/form-data":
      do throws(MultipartError) { return (try MultipartFieldParser(contentType: contentType), false) } catch {
        throw APIError(readingBody: error)
      }
    default: return (JSONFieldParser(), false)
    }
  }
}

/// The bytes that the current field of a body stands for. Used by one task.
private final class Base64Source: @unchecked Sendable {
  private let fields: FieldReader
  private var decoder: Base64Decoder

  init(_ fields: FieldReader, _ decoder: Base64Decoder) {
    self.fields = fields
    self.decoder = decoder
  }

  func next() async throws -> ByteBuffer? {
    while let text = try await fields.nextBytes() {
      let bytes = try decoder.decode(text)
      if bytes.readableBytes > 0 { return bytes }
    }
    try decoder.finish()
    return nil
  }
}
