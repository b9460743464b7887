internal import CairnModel
internal import CairnObjects

/// What S3 answers where a signature is not taken. Clients read these: codes, statuses and elements are AWS's.
extension S3Error {
  init(_ error: SignatureError) {
    switch error {
    case .unsupportedScheme:
      self.init(
        .invalidRequest, "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")
    case .malformedHeader(let reason): self.init(.authorizationHeaderMalformed, reason)
    case .malformedQuery(let reason): self.init(.authorizationQueryParametersError, reason)
    case .wrongRegion(let region, let expected, isPresigned: false):
      self.init(
        .authorizationHeaderMalformed,
        "The authorization header is malformed; the region '\(region)' is wrong; expecting '\(expected)'",
        details: [.init("Region", expected)])
    case .wrongRegion(let region, let expected, isPresigned: true):
      self.init(
        .authorizationQueryParametersError,
        "Error parsing the X-Amz-Credential parameter; the region '\(region)' is wrong; expecting '\(expected)'",
        details: [.init("Region", expected)])
    case .twoSignatures:
      self.init(
        .invalidArgument,
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified",
        details: [.init("ArgumentName", "Authorization")])
    case .repeatedParameter(let name):
      self = .invalidArgument(name, "", "The query parameter '\(name)' is given more than once: send it once.")
    case .repeatedHeader(let name):
      self = .invalidArgument(
        name, "", "The header '\(name)' is sent more than once: a signature can only cover one. Send it once.")
    case .noDate: self.init(.accessDenied, "AWS authentication requires a valid Date or x-amz-date header")
    case .unsignedHeaders(let names):
      self.init(
        .accessDenied, "There were headers present in the request which were not signed",
        details: [.init("HeadersNotSigned", names.joined(separator: ", "))])
    case .skewed(let requestTime, let serverTime):
      self.init(
        .requestTimeTooSkewed, "The difference between the request time and the current time is too large.",
        details: [
          .init("RequestTime", requestTime.text), .init("ServerTime", serverTime.extendedText),
          .init("MaxAllowedSkewMilliseconds", String(SignatureClaim.skewMaxSeconds * 1000)),
        ])
    case .expired(let end, let seconds, let serverTime):
      self.init(
        .accessDenied, "Request has expired",
        details: [
          .init("X-Amz-Expires", String(seconds)), .init("Expires", end.extendedText),
          .init("ServerTime", serverTime.extendedText),
        ])
    case .notYetValid(let serverTime):
      self.init(
        .accessDenied, "Request is not yet valid", details: [.init("ServerTime", serverTime.extendedText)])
    case .noPayloadHash:
      self.init(
        .missingSecurityHeader, "Missing required header for this request: x-amz-content-sha256",
        details: [.init("MissingHeaderName", "x-amz-content-sha256")])
    case .noDecodedLength:
      self.init(.missingContentLength, "You must provide the x-amz-decoded-content-length HTTP header.")
    case .badPayloadHash(let value):
      self = .invalidArgument(
        "x-amz-content-sha256", value,
        "x-amz-content-sha256 must be \(PayloadForm.names.joined(separator: ", ")) or a valid sha256 value.")
    case .sessionToken:
      self.init(.invalidToken, "The provided token is malformed or otherwise invalid.")
    case .unknownKey(let id):
      self.init(
        .invalidAccessKeyID, "The AWS Access Key Id you provided does not exist in our records.",
        details: [.init("AWSAccessKeyId", id)])
    case .doesNotMatch(let mismatch): self.init(mismatch)
    }
  }

  init(_ mismatch: SignatureError.Mismatch) {
    var details: [ObjectMetadata.Pair] = [
      .init("AWSAccessKeyId", mismatch.accessKeyID), .init("StringToSign", mismatch.stringToSign),
      .init("SignatureProvided", mismatch.signature), .init("StringToSignBytes", Self.bytes(of: mismatch.stringToSign)),
    ]
    if let request = mismatch.canonicalRequest {
      details.append(.init("CanonicalRequest", request))
      details.append(.init("CanonicalRequestBytes", Self.bytes(of: request)))
    }
    self.init(
      .signatureDoesNotMatch,
      "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
      details: details)
  }

  init(_ error: AWSChunkedError) {
    switch error {
    case .malformed(let reason):
      self.init(.incompleteBody, "The request body is not well-formed aws-chunked: \(reason)")
    case .incomplete(let reason): self.init(.incompleteBody, reason)
    case .malformedTrailer(let reason):
      self.init(
        .malformedTrailer,
        "The request contained trailing data that was not well-formed or did not conform to our published schema: \(reason)"
      )
    case .badSignature(let mismatch): self.init(mismatch)
    }
  }

  init(_ error: AccessKeyError) {
    switch error {
    case .store(let error): self.init(error)
    case .noSuchKey, .configured, .noSealingSecret, .unreadable:
      self.init(.internalError, "We encountered an internal error: \(error)")
    }
  }

  /// `41 57 53`, as AWS shows them.
  private static func bytes(of text: String) -> String {
    text.utf8.map { hexadecimalString([$0]) }.joined(separator: " ")
  }
}

extension SigningTime {
  /// `YYYY-MM-DDTHH:MM:SSZ`.
  var extendedText: String {
    let t = Array(text)
    guard t.count == 16 else { return text }
    return "\(String(t[0..<4]))-\(String(t[4..<6]))-\(String(t[6..<11])):\(String(t[11..<13])):\(String(t[13...]))"
  }
}
