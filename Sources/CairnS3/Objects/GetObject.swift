internal import CairnHTTP
internal import CairnModel
internal import CairnNodeClient
internal import CairnObjects
internal import NIOHTTP1

extension S3API {
  /// `GET /BUCKET/KEY`, with ranges and conditions.
  func getObject(_ request: S3Request) async throws(S3Error) -> HTTPResponse {
    let found = try await authorizedObject(request)
    var (response, range) = try await readAnswer(request, found)
    do throws(ObjectError) {
      switch try await objects.content(
        of: found.object, named: found.name, range: range.map { $0.offset..<$0.offset + $0.length })
      {
      case .bytes(let bytes): response.body = .bytes(bytes)
      case .stream(let length, let write):
        response.body = .stream(length: length) { try await write($0) }
      }
    } catch {
      throw S3Error(error)
    }
    return response
  }

  /// The answer to a read, without a body, and which bytes it has.
  func readAnswer(
    _ request: S3Request, _ found: FoundObject
  ) async throws(S3Error) -> (HTTPResponse, ByteRange?) {
    let attributes = found.object.attributes
    try checkConditions(request, attributes)
    var headers = try objectHeaders(request, found)
    let wantsChecksum = request.header("x-amz-checksum-mode")?.uppercased() == "ENABLED"
    if request.query["partNumber"] != nil {
      let (range, checksum) = try await requestedPart(request, found.object, named: found.name)
      if let count = attributes.assembly?.partCount { headers.add(name: "x-amz-mp-parts-count", value: String(count)) }
      if wantsChecksum, let checksum { try? headers.add(checking: checksum.algorithm.field, checksum.value.base64) }
      if range.length > 0 { headers.add(name: "Content-Range", value: range.contentRange(of: attributes.size)) }
      return (HTTPResponse(.partialContent, headers: headers), range)
    }
    guard let range = try requestedRange(request, attributes) else {
      if wantsChecksum { headers.addChecksum(of: attributes) }
      return (HTTPResponse(.ok, headers: headers), nil)
    }
    headers.add(name: "Content-Range", value: range.contentRange(of: attributes.size))
    return (HTTPResponse(.partialContent, headers: headers), range)
  }
}
