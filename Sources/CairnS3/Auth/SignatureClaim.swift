internal import Crypto
internal import CairnHTTP
internal import CairnModel
internal import NIOHTTP1

/// What a request says about its signature, before anybody has looked whether it is right.
///
/// All but the secret is checked here: form, region, service, time, and that everything is signed that must be.
package struct SignatureClaim: Sendable {
  /// How far the clocks of client and server may be apart.
  package static let skewMaxSeconds = 900
  /// Of a presigned URL: a week.
  package static let expiryMaxSeconds = 604_800
  static let algorithm = "AWS4-HMAC-SHA256"
  /// Names of headers in a signature: far more than any client signs. Each is looked for among all headers.
  private static let signedHeadersMax = 256
  /// Headers that change what a request does.
  private static let prefixesThatMustBeSigned = [Array("x-amz-".utf8), Array("x-cairn-".utf8)]

  package let credential: SigningCredential
  package let time: SigningTime
  /// The last line of the canonical request.
  package let payload: String
  /// 64 hexadecimal digits.
  package let signature: String
  package let isPresigned: Bool
  private let service: SigningService
  private let signedHeaders: [Substring]

  /// - Parameters:
  ///   - service: the one that signatures must name: of the port at which the request came.
  ///   - region: the one that signatures must name (`S3_REGION`).
  ///   - now: seconds since the epoch.
  /// - Returns: nil for a request that isn't signed.
  package init?(
    _ request: SignableRequest, service: SigningService, region: String, now: Int
  ) throws(SignatureError) {
    let presigned = Self.presignedParameters(request.query)
    guard let authorization = request.headers.first(name: "authorization") else {
      guard let presigned else {
        if Self.isPresignedOtherwise(request.query) { throw .unsupportedScheme }
        return nil
      }
      try self.init(presigned: presigned, request, service, region: region, now: now)
      return
    }
    guard presigned == nil else { throw .twoSignatures }
    try self.init(authorization: authorization, request, service, region: region, now: now)
  }

  // MARK: In a header

  private init(
    authorization: String, _ request: SignableRequest, _ service: SigningService, region: String, now: Int
  ) throws(SignatureError) {
    let (credentialText, headers, signature) = try Self.fields(of: authorization)
    guard let credentialText else {
      throw .malformedHeader("The authorization header is malformed; missing Credential.")
    }
    guard let headers, !headers.isEmpty else {
      throw .malformedHeader("The authorization header is malformed; missing SignedHeaders.")
    }
    guard let signature, !signature.isEmpty else {
      throw .malformedHeader("The authorization header is malformed; missing Signature.")
    }
    let credential = try Self.credential(credentialText, service, region: region, isPresigned: false)
    guard
      let time = (request.headers.first(name: "x-amz-date") ?? request.headers.first(name: "date")).flatMap({
        SigningTime($0)
      })
    else { throw .noDate }
    guard time.date == credential.scope.date else {
      throw .malformedHeader(
        "The authorization header is malformed; Invalid credential date \"\(credential.scope.date)\". This date is not the same as X-Amz-Date: \"\(time.date)\"."
      )
    }
    guard abs(now - time.secondsSinceEpoch) <= Self.skewMaxSeconds else {
      throw .skewed(requestTime: time, serverTime: SigningTime(secondsSinceEpoch: now))
    }
    // Where nothing is sent its hash is no question; curl 7.88 leaves it out.
    guard
      let payload = request.headers.first(name: "x-amz-content-sha256")
        ?? (request.hasBody ? nil : PayloadForm.emptyHashText)
    else { throw .noPayloadHash }
    self.credential = credential
    self.time = time
    self.payload = payload
    self.signature = String(signature)
    isPresigned = false
    self.service = service
    signedHeaders = headers.parts(separatedBy: UInt8(ascii: ";"))
    try checkSignedHeaders(of: request)
  }

  /// The values of the fields `Credential`, `SignedHeaders` and `Signature`.
  private static func fields(
    of authorization: String
  ) throws(SignatureError) -> (credential: Substring?, headers: Substring?, signature: Substring?) {
    guard authorization.utf8.starts(with: algorithm.utf8),
      let space = authorization.utf8.firstIndex(where: { $0 == 0x20 || $0 == 0x09 }),
      authorization[..<space] == algorithm
    else { throw .unsupportedScheme }
    var (credential, headers, signature): (Substring?, Substring?, Substring?)
    for part in authorization[space...].parts(separatedBy: UInt8(ascii: ",")) {
      let field = part.trimmingSpaces
      guard let equals = field.utf8.firstIndex(of: UInt8(ascii: "=")) else {
        throw .malformedHeader("The authorization header is malformed; it has a part without '='.")
      }
      let value = field[field.utf8.index(after: equals)...]
      switch field[..<equals] {
      case "Credential": credential = value
      case "SignedHeaders": headers = value
      case "Signature": signature = value
      default: break
      }
    }
    return (credential, headers, signature)
  }

  // MARK: In a URL

  private static let presignedPrefix = "X-Amz-"

  /// Whether a URL was presigned with AWS's version 2, as some clients still do unless they are told otherwise.
  private static func isPresignedOtherwise(_ query: Substring) -> Bool {
    guard query.contains("AWSAccessKeyId="), let parameters = QueryParameters(query) else { return false }
    return parameters["AWSAccessKeyId"] != nil && parameters["Signature"] != nil
  }

  /// The parameters that belong to a presigned URL; nil where there is none.
  private static func presignedParameters(_ query: Substring) -> QueryParameters? {
    guard query.utf8.count > presignedPrefix.utf8.count, query.contains(presignedPrefix) else { return nil }
    guard let parameters = QueryParameters(query) else { return nil }
    // One of the first is enough to tell; the others may be missing, which is an error.
    let tells = ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature"]
    return tells.contains { parameters[$0] != nil } ? parameters : nil
  }

  private init(
    presigned parameters: QueryParameters, _ request: SignableRequest, _ service: SigningService, region: String,
    now: Int
  ) throws(SignatureError) {
    guard let algorithm = parameters["X-Amz-Algorithm"], let credentialText = parameters["X-Amz-Credential"],
      let dateText = parameters["X-Amz-Date"], let expiresText = parameters["X-Amz-Expires"],
      let headers = parameters["X-Amz-SignedHeaders"], let signature = parameters["X-Amz-Signature"]
    else {
      throw .malformedQuery(
        "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
      )
    }
    guard algorithm == Self.algorithm else {
      throw .malformedQuery("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"")
    }
    let credential = try Self.credential(credentialText[...], service, region: region, isPresigned: true)
    guard dateText.utf8.count == 16, let time = SigningTime(dateText) else {
      throw .malformedQuery("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    }
    guard time.date == credential.scope.date else {
      throw .malformedQuery(
        "Error parsing the X-Amz-Credential parameter; incorrect date \"\(credential.scope.date)\". This date is not the same as X-Amz-Date: \"\(time.date)\"."
      )
    }
    guard let expires = Int(expiresText) else { throw .malformedQuery("X-Amz-Expires should be a number") }
    guard expires > 0 else { throw .malformedQuery("X-Amz-Expires must be non-negative") }
    guard expires <= Self.expiryMaxSeconds else {
      throw .malformedQuery(
        "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds"
      )
    }
    let serverTime = SigningTime(secondsSinceEpoch: now)
    guard time.secondsSinceEpoch - now <= Self.skewMaxSeconds else { throw .notYetValid(serverTime: serverTime) }
    guard now <= time.secondsSinceEpoch + expires else {
      let end = SigningTime(secondsSinceEpoch: time.secondsSinceEpoch + expires)
      throw .expired(at: end, seconds: expires, serverTime: serverTime)
    }
    self.credential = credential
    self.time = time
    self.signature = signature
    isPresigned = true
    self.service = service
    signedHeaders = headers[...].parts(separatedBy: UInt8(ascii: ";"))
    // The hash of a body is rarely known when its URL is signed.
    let signed = signedHeaders.contains("x-amz-content-sha256")
    payload =
      (signed ? request.headers.first(name: "x-amz-content-sha256") : nil) ?? parameters["X-Amz-Content-Sha256"]
      ?? PayloadForm.unsignedText
    guard parameters["X-Amz-Security-Token"] == nil else { throw .sessionToken }
    try checkSignedHeaders(of: request)
  }

  // MARK: Both

  /// The credential, which must be for this server.
  private static func credential(
    _ text: Substring, _ service: SigningService, region: String, isPresigned: Bool
  ) throws(SignatureError) -> SigningCredential {
    func malformed(_ reason: String) -> SignatureError {
      isPresigned
        ? .malformedQuery("Error parsing the X-Amz-Credential parameter; \(reason)")
        : .malformedHeader("The authorization header is malformed; \(reason)")
    }
    guard let credential = SigningCredential(text) else {
      throw malformed(
        "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".")
    }
    guard credential.scope.service == service.rawValue else {
      throw malformed(
        "incorrect service \"\(credential.scope.service)\". This endpoint belongs to \"\(service.rawValue)\".")
    }
    guard credential.scope.region == region else {
      throw .wrongRegion(credential.scope.region, expected: region, isPresigned: isPresigned)
    }
    return credential
  }

  /// Host and every `x-amz-…` and `x-cairn-…` header must be signed, or somebody on the way could change what the request
  /// does.
  private func checkSignedHeaders(of request: SignableRequest) throws(SignatureError) {
    guard signedHeaders.count <= Self.signedHeadersMax else {
      let reason = "SignedHeaders has \(signedHeaders.count) names, at most \(Self.signedHeadersMax) are allowed."
      throw isPresigned ? .malformedQuery(reason) : .malformedHeader(reason)
    }
    guard signedHeaders.allSatisfy({ name in name.utf8.allSatisfy { !(0x41...0x5A).contains($0) } }) else {
      throw isPresigned
        ? .malformedQuery("X-Amz-SignedHeaders must be in lower case")
        : .malformedHeader("The authorization header is malformed; SignedHeaders must be in lower case.")
    }
    var missing: [String] = signedHeaders.contains("host") ? [] : ["host"]
    var hasPayloadHash = false
    for (name, _) in request.headers where name.utf8.first.map({ $0 | 0x20 }) == UInt8(ascii: "x") {
      guard Self.prefixesThatMustBeSigned.contains(where: name.utf8.starts(ignoringCase:)) else { continue }
      // It is the last line of what is signed.
      if name.utf8.isEqual(ignoringCaseTo: "x-amz-content-sha256"[...].utf8) {
        guard !hasPayloadHash else { throw .repeatedHeader(name.lowercased()) }
        hasPayloadHash = true
        continue
      }
      guard !signedHeaders.contains(where: { name.utf8.isEqual(ignoringCaseTo: $0.utf8) }) else { continue }
      missing.append(name.lowercased())
    }
    guard missing.isEmpty else { throw .unsignedHeaders(missing) }
    guard request.headers.first(name: "x-amz-security-token") == nil else { throw .sessionToken }
  }

  /// Looks whether the signature was made with a secret.
  ///
  /// - Parameter key: of the credential, from ``SigningKeys``.
  package func verify(_ request: SignableRequest, key: SigningKey) throws(SignatureError) {
    let canonical = try CanonicalRequest.bytes(
      of: request, signedHeaders: signedHeaders, payload: payload, encoding: service.encoding)
    let text = stringToSign(canonical)
    if key.isValid(signature, for: text) { return }
    for encoding in service.otherEncodings(path: request.path) {
      let other = try CanonicalRequest.bytes(
        of: request, signedHeaders: signedHeaders, payload: payload, encoding: encoding)
      if other != canonical, key.isValid(signature, for: stringToSign(other)) { return }
    }
    throw .doesNotMatch(
      SignatureError.Mismatch(
        accessKeyID: credential.accessKeyID, stringToSign: String(decoding: text, as: UTF8.self), signature: signature,
        canonicalRequest: String(decoding: canonical, as: UTF8.self)))
  }

  private func stringToSign(_ canonical: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(192)
    for line in [Self.algorithm, time.text, credential.scope.text] {
      text.append(contentsOf: line.utf8)
      text.append(UInt8(ascii: "\n"))
    }
    text.append(contentsOf: SHA256.hash(data: canonical).withUnsafeBytes { hexadecimalString($0) }.utf8)
    return text
  }
}

extension Substring {
  fileprivate var trimmingSpaces: Substring {
    var part = utf8
    while let first = part.first, first == 0x20 || first == 0x09 { part.removeFirst() }
    while let last = part.last, last == 0x20 || last == 0x09 { part.removeLast() }
    return Substring(part)
  }

  /// The parts between a byte, without empty ones. By hand: `split` costs three times as much.
  fileprivate func parts(separatedBy separator: UInt8) -> [Substring] {
    var parts: [Substring] = []
    var start = startIndex
    while start < endIndex {
      let end = self[start...].utf8.firstIndex(of: separator) ?? endIndex
      if start < end { parts.append(self[start..<end]) }
      start = end < endIndex ? utf8.index(after: end) : end
    }
    return parts
  }
}
