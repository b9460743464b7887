internal import CairnCatalog
internal import CairnHTTP
package import CairnModel
package import CairnObjects
internal import NIOHTTP1

/// An answer that is an error, as S3 tells it.
package struct S3Error: Error, Hashable, Sendable {
  package var code: S3ErrorCode
  package var message: String
  /// More elements of the XML, such as `ArgumentName`, in their order.
  package var details: [ObjectMetadata.Pair]
  /// More header fields of the answer, in their order.
  package var headers: [ObjectMetadata.Pair]

  package init(
    _ code: S3ErrorCode, _ message: String, details: [ObjectMetadata.Pair] = [], headers: [ObjectMetadata.Pair] = []
  ) {
    self.code = code
    self.message = message
    self.details = details
    self.headers = headers
  }

  static let accessDenied = S3Error(.accessDenied, "Access Denied")
  static let malformedXML = S3Error(
    .malformedXML, "The XML you provided was not well-formed or did not validate against our published schema")
  static let preconditionFailed = S3Error(
    .preconditionFailed, "At least one of the pre-conditions you specified did not hold")
  static let conflict = S3Error(
    .conditionalRequestConflict,
    "The conditional request cannot succeed due to a conflicting operation against this resource.")

  static func noSuchBucket(_ name: BucketName) -> S3Error {
    S3Error(.noSuchBucket, "The specified bucket does not exist", details: [.init("BucketName", name.text)])
  }

  static func noSuchKey(_ key: ObjectKey) -> S3Error {
    S3Error(.noSuchKey, "The specified key does not exist.", details: [.init("Key", key.text)])
  }

  static func notImplemented(_ what: String) -> S3Error {
    S3Error(.notImplemented, "\(what) is not implemented", details: [.init("Header", what)])
  }

  static func invalidArgument(_ name: String, _ value: String, _ message: String) -> S3Error {
    S3Error(.invalidArgument, message, details: [.init("ArgumentName", name), .init("ArgumentValue", value)])
  }

  package init(_ error: ObjectError) {
    switch error {
    case .noActiveNode, .tooFewNodes, .unavailable:
      self.init(.serviceUnavailable, "\(error)", headers: [.init("Retry-After", "1")])
    case .outcomeUnknown(let cause): self.init(cause)
    case .overloaded: self.init(.slowDown, "Please reduce your request rate.", headers: [.init("Retry-After", "1")])
    case .noSpace(let reason): self.init(.serviceUnavailable, reason, headers: [.init("Retry-After", "60")])
    case .tooLarge(let limit):
      self.init(
        .entityTooLarge, "Your proposed upload exceeds the maximum allowed size",
        details: [.init("MaxSizeAllowed", String(limit))])
    case .body(let error): self.init(readingBody: error)
    case .noSuchUpload: self.init(.noSuchUpload, "The specified upload does not exist.")
    case .changedOnTheWay:
      self.init(
        .xAmzContentSHA256Mismatch, "The provided 'x-amz-content-sha256' header does not match what was computed.")
    case .badDigest(let algorithm):
      let name = algorithm?.name ?? "Content-MD5"
      self.init(.badDigest, "The \(name) you specified did not match the calculated checksum.")
    case .conditionFailed: self = .preconditionFailed
    case .corrupt, .failed: self.init(.internalError, "We encountered an internal error: \(error)")
    }
  }

  init(_ refusal: BrowserRefusal) {
    switch refusal {
    case .host: self.init(.misdirectedRequest, "\(refusal)")
    case .origin, .site: self.init(.accessDenied, "\(refusal)")
    }
  }

  init(_ error: CatalogError) {
    switch error {
    case .unavailable: self.init(.serviceUnavailable, "\(error)", headers: [.init("Retry-After", "1")])
    case .full(let reason): self.init(.serviceUnavailable, reason, headers: [.init("Retry-After", "60")])
    case .damaged, .format, .failed: self.init(.internalError, "\(error)")
    }
  }

  /// - Parameter error: what reading the request's body threw.
  init(readingBody error: any Error) {
    switch error {
    case let error as S3Error: self = error
    case let error as HTTPBodyError where error.isTimeout:
      self.init(
        .requestTimeout,
        "Your socket connection to the server was not read from or written to within the timeout period.")
    case let error as HTTPBodyError: self.init(.incompleteBody, error.description)
    default: self.init(.incompleteBody, "The request's body can't be read: \(error)")
    }
  }
}

extension HTTPResponse {
  /// The `<Error>` document.
  ///
  /// - Parameters:
  ///   - resource: the path of the request.
  ///   - requestID: of the request, which is in its answer's header too.
  init(_ error: S3Error, resource: Substring, requestID: String) {
    var headers = HTTPHeaders(error.headers.map { ($0.name, $0.value) })
    guard error.code.status != .notModified else {
      self.init(.notModified, headers: headers)
      return
    }
    headers.add(name: "Content-Type", value: XMLText.mediaType)
    var xml = XMLText()
    xml.element("Error") { xml in
      xml.element("Code", error.code.rawValue)
      xml.element("Message", error.message)
      for detail in error.details { xml.element(detail.name, detail.value) }
      xml.element("Resource", String(resource))
      xml.element("RequestId", requestID)
      xml.element("HostId", requestID)
    }
    self.init(error.code.status, headers: headers, body: .bytes(xml.buffer))
  }
}
