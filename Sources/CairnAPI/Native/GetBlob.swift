internal import CairnHTTP
internal import CairnModel
internal import CairnNodeClient
internal import CairnObjects
internal import NIOCore
internal import NIOHTTP1

extension NativeAPI {
  /// `GET` and `HEAD /blob/{name}`, with ranges and conditions.
  func getBlob(_ request: HTTPRequest, _ encodedName: Substring) async throws(APIError) -> HTTPResponse {
    let (key, object) = try await find(encodedName)
    return try await serve(object, named: key, for: request)
  }

  /// The bytes of an object, or the ranges that a request asks for.
  ///
  /// - Parameter headers: of the answer, besides those that tell about the object.
  func serve(
    _ object: StoredObject, named key: ObjectKey, for request: HTTPRequest, headers others: HTTPHeaders = [:]
  ) async throws(APIError) -> HTTPResponse {
    let attributes = object.attributes
    let etag = attributes.etag
    let lastModified = Int(attributes.createdAt.secondsSinceEpoch)
    var headers = others
    headers.reserveCapacity(10)
    headers.add(name: "ETag", value: etag)
    headers.add(name: "Last-Modified", value: HTTPDate.format(secondsSinceEpoch: lastModified))
    headers.add(name: "Accept-Ranges", value: "bytes")
    headers.add(name: BrowserGuard.sandboxField, value: BrowserGuard.sandbox)
    if ReprDigest.isWanted(request.headers), let sha256 = attributes.sha256 {
      headers.add(name: ReprDigest.field, value: ReprDigest.value(sha256))
    }
    switch Preconditions.evaluate(request.headers, isRead: true, etag: etag, lastModified: lastModified) {
    case .notModified: return HTTPResponse(.notModified, headers: headers)
    case .failed:
      throw .preconditionFailed
    case .proceed: break
    }
    headers.add(
      name: "Content-Disposition", value: ContentDisposition.attachment(filename: filename(of: object, named: key)))
    var range = RequestedRange.whole
    if request.method == .GET, let header = request.headers.first(name: "range"),
      Preconditions.allowsRange(request.headers, etag: etag, lastModified: lastModified)
    {
      range = RequestedRange(header: header, size: attributes.size)
    }
    if request.method == .HEAD {
      headers.add(name: "Content-Type", value: attributes.contentType)
      return HTTPResponse(.ok, headers: headers, body: .stream(length: attributes.size) { _ in })
    }
    switch range {
    case .whole:
      headers.add(name: "Content-Type", value: attributes.contentType)
      return HTTPResponse(.ok, headers: headers, body: try await body(of: object, named: key, range: nil))
    case .unsatisfiable:
      throw APIError(
        .rangeNotSatisfiable, "No range of '\(request.headers.first(name: "range") ?? "")' lies within the file",
        headers: ["Content-Range": "bytes */\(attributes.size)"])
    case .ranges(let ranges) where ranges.count == 1:
      headers.add(name: "Content-Type", value: attributes.contentType)
      headers.add(name: "Content-Range", value: ranges[0].contentRange(of: attributes.size))
      return HTTPResponse(
        .partialContent, headers: headers, body: try await body(of: object, named: key, range: ranges[0].bytes))
    case .ranges(let ranges):
      return severalRanges(ranges, of: object, named: key, headers: headers, requestID: request.id)
    }
  }

  private func body(
    of object: StoredObject, named key: ObjectKey, range: Range<UInt64>?
  ) async throws(APIError) -> HTTPResponse.Body {
    do throws(ObjectError) {
      switch try await objects.content(of: object, named: ObjectName(key: key), range: range) {
      case .bytes(let bytes): return .bytes(bytes)
      case .stream(let length, let write): return .stream(length: length) { try await write($0) }
      }
    } catch {
      throw APIError(error)
    }
  }

  /// An answer of type multipart/byteranges (RFC 9110, section 14.6).
  private func severalRanges(
    _ ranges: [ByteRange], of object: StoredObject, named key: ObjectKey, headers: HTTPHeaders, requestID: String
  ) -> HTTPResponse {
    let boundary = "cairn-\(requestID)"
    let parts = ranges.map { range in
      (
        head: ByteBuffer(
          string: "\r\n--\(boundary)\r\nContent-Type: \(object.attributes.contentType)\r\n"
            + "Content-Range: \(range.contentRange(of: object.attributes.size))\r\n\r\n"),
        bytes: range.bytes
      )
    }
    let end = ByteBuffer(string: "\r\n--\(boundary)--\r\n")
    let length = parts.reduce(UInt64(end.readableBytes)) { $0 + UInt64($1.head.readableBytes + $1.bytes.count) }
    var headers = headers
    headers.add(name: "Content-Type", value: "multipart/byteranges; boundary=\(boundary)")
    return HTTPResponse(
      .partialContent, headers: headers,
      body: .stream(length: length) { [objects] writer in
        for part in parts {
          try await writer.write(part.head)
          try await objects.content(of: object, named: ObjectName(key: key), range: part.bytes).write(to: writer)
        }
        try await writer.write(end)
      })
  }

  /// The name under which a client should save a file: the one that it had, else its key; the last part of what looks
  /// like a path.
  private func filename(of object: StoredObject, named key: ObjectKey) -> String {
    let name = object.attributes.originalFilename ?? key.text
    guard let slash = name.utf8.lastIndex(of: UInt8(ascii: "/")) else { return name }
    let last = name[name.utf8.index(after: slash)...]
    return last.isEmpty ? name : String(last)
  }
}

extension ByteRange {
  fileprivate var bytes: Range<UInt64> { offset..<offset + length }
}
