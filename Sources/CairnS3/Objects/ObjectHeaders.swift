internal import CairnHTTP
internal import CairnModel
internal import CairnObjects
internal import NIOHTTP1

extension S3API {
  /// The header of an answer that has an object's bytes, or stands for one that has.
  ///
  /// - Throws: `InvalidRequest` where somebody without a key asks for other fields.
  func objectHeaders(_ request: S3Request, _ found: FoundObject) throws(S3Error) -> HTTPHeaders {
    let attributes = found.object.attributes
    var headers = HTTPHeaders()
    headers.reserveCapacity(13)
    headers.add(name: "ETag", value: attributes.etag)
    headers.add(name: "Last-Modified", value: attributes.createdAt.headerText)
    headers.add(name: "Accept-Ranges", value: "bytes")
    if settings.browserGuard != nil {
      headers.add(name: BrowserGuard.sandboxField, value: BrowserGuard.sandbox)
    }
    headers.add(name: "Content-Type", value: attributes.contentType)
    let metadata = attributes.metadata
    for (header, value) in metadata.headers { try? headers.add(checking: header.fieldName, value) }
    if !metadata.user.isEmpty { headers.add(metadata.user) }
    if !metadata.tags.isEmpty, mayReadTags(request, of: found) {
      headers.add(name: "x-amz-tagging-count", value: String(metadata.tags.count))
    }
    if let storageClass = metadata.storageClass { headers.add(name: "x-amz-storage-class", value: storageClass) }
    if !request.query.isEmpty { try override(&headers, request) }
    return headers
  }

  private static let overrides: KeyValuePairs<String, String> = [
    "response-content-type": "Content-Type", "response-content-language": "Content-Language",
    "response-expires": "Expires", "response-cache-control": "Cache-Control",
    "response-content-disposition": "Content-Disposition", "response-content-encoding": "Content-Encoding",
  ]

  private func override(_ headers: inout HTTPHeaders, _ request: S3Request) throws(S3Error) {
    guard !request.query.isEmpty else { return }
    for (parameter, field) in Self.overrides {
      guard let value = request.query[parameter] else { continue }
      guard request.identity != .anonymous else {
        throw S3Error(
          .invalidRequest, "Request specific response headers cannot be used for anonymous GET requests.")
      }
      do throws(InvalidField) { try headers.replace(checking: field, value) } catch {
        throw .invalidArgument(parameter, value, "Header value can not contain control characters")
      }
    }
  }

  /// Whether the conditions of a read hold.
  ///
  /// - Throws: `NotModified`, `PreconditionFailed`.
  func checkConditions(_ request: S3Request, _ attributes: ObjectAttributes) throws(S3Error) {
    let outcome = Preconditions.evaluate(
      EntityTag.conditions(request.headers), isRead: true, etag: attributes.etag,
      lastModified: Int(attributes.createdAt.secondsSinceEpoch))
    switch outcome {
    case .proceed: return
    case .failed: throw .preconditionFailed
    case .notModified:
      var headers: [ObjectMetadata.Pair] = [
        .init("ETag", attributes.etag), .init("Last-Modified", attributes.createdAt.headerText),
      ]
      for header in [ObjectMetadata.SystemHeader.cacheControl, .expires] {
        if let value = attributes.metadata.headers[header] { headers.append(.init(header.fieldName, value)) }
      }
      throw S3Error(.notModified, "Not Modified", headers: headers)
    }
  }

  /// The range that a read is about; nil for all. Of several, none: S3 knows only one.
  func requestedRange(_ request: S3Request, _ attributes: ObjectAttributes) throws(S3Error) -> ByteRange? {
    guard let header = request.header("range"),
      Preconditions.allowsRange(
        request.headers, etag: attributes.etag, lastModified: Int(attributes.createdAt.secondsSinceEpoch))
    else { return nil }
    switch RequestedRange(header: header, size: attributes.size) {
    case .whole: return nil
    case .ranges(let ranges): return ranges.count == 1 ? ranges[0] : nil
    case .unsatisfiable:
      throw S3Error(
        .invalidRange, "The requested range is not satisfiable",
        details: [.init("RangeRequested", header), .init("ActualObjectSize", String(attributes.size))],
        headers: [.init("Content-Range", "bytes */\(attributes.size)")])
    }
  }
}

extension HTTPHeaders {
  /// The metadata that clients gave an object, and how much of it can't be told in header fields, as S3 does.
  fileprivate mutating func add(_ pairs: [ObjectMetadata.Pair]) {
    var missing = 0
    for pair in pairs {
      do throws(InvalidField) {
        try add(checking: UploadDescription.userPrefix + pair.name, pair.value)
      } catch {
        missing += 1
      }
    }
    if missing > 0 { add(name: "x-amz-missing-meta", value: String(missing)) }
  }
}
