package import CairnHTTP
internal import CairnModel
package import CairnObjects
internal import NIOCore
internal import NIOHTTP1

/// Takes requests that are signed with a key of the store, by AWS's version 4.
package struct SigV4Authenticator: S3Authenticator {
  private let keys: AccessKeyStore
  private let region: String
  private let allowsAnonymous: Bool
  private let signingKeys = SigningKeys()

  /// - Parameters:
  ///   - region: the one that signatures must name (`S3_REGION`).
  ///   - allowsAnonymous: who doesn't sign may do everything (`ALLOW_ANONYMOUS`).
  package init(keys: AccessKeyStore, region: String, allowsAnonymous: Bool) {
    self.keys = keys
    self.region = region
    self.allowsAnonymous = allowsAnonymous
  }

  package func authenticate(_ request: HTTPRequest) async throws(S3Error) -> S3Identity {
    guard let key = try await key(of: request) else {
      return allowsAnonymous ? .unrestricted : .anonymous
    }
    return .key(key.id, key.grants)
  }

  /// The key that a request is signed with; nil for one that isn't signed.
  package func key(of request: HTTPRequest) async throws(S3Error) -> AccessKey? {
    let signable = SignableRequest(request)
    let claim: SignatureClaim?
    do throws(SignatureError) {
      claim = try SignatureClaim(signable, region: region, now: HTTPDate.secondsNow())
    } catch {
      throw S3Error(error)
    }
    guard let claim else { return nil }
    let found: AccessKey?
    do throws(AccessKeyError) {
      found = try await keys.find(AccessKeyID(claim.credential.accessKeyID))
    } catch {
      throw S3Error(error)
    }
    do throws(SignatureError) {
      guard let found else { throw .unknownKey(claim.credential.accessKeyID) }
      try claim.verify(signable, key: signingKeys.key(for: claim.credential, secret: found.secret))
      return found
    } catch {
      throw S3Error(error)
    }
  }

  /// The key of a signed request, and the request with a body that is verified while it is read; nil for one that isn't
  /// signed. For what doesn't read bodies through ``body(of:_:)``, so their chunks can't be signed.
  package func verified(_ request: HTTPRequest) async throws(S3Error) -> (key: AccessKey, request: HTTPRequest)? {
    guard let key = try await key(of: request) else { return nil }
    let form: PayloadForm
    do throws(SignatureError) {
      form = try PayloadForm(request.headers.first(name: "x-amz-content-sha256") ?? PayloadForm.unsignedText)
    } catch {
      throw S3Error(error)
    }
    switch form {
    case .unsigned: return (key, request)
    case .hashed(let digits):
      return (key, HTTPRequest(request, body: HashedBody.verified(request.body, digits: digits)))
    case .signedChunks, .unsignedChunks: throw .notImplemented("aws-chunked")
    }
  }

  package func body(of request: HTTPRequest, _ identity: S3Identity) throws(S3Error) -> BodySource {
    do throws(SignatureError) {
      var claim: SignatureClaim?
      if case .key = identity, !Self.saysAllOfItsBody(request) {
        claim = try SignatureClaim(SignableRequest(request), region: region, now: HTTPDate.secondsNow())
      }
      return try source(request, claim)
    } catch {
      throw S3Error(error)
    }
  }

  /// The hash of its body is in a header that is signed, so that its signature need not be looked at again.
  private static func saysAllOfItsBody(_ request: HTTPRequest) -> Bool {
    guard request.headers.contains(name: "authorization"),
      let text = request.headers.first(name: "x-amz-content-sha256"), case .hashed = try? PayloadForm(text)
    else { return false }
    return true
  }

  private func source(_ request: HTTPRequest, _ claim: SignatureClaim?) throws(SignatureError) -> BodySource {
    let header = request.headers.first(name: "x-amz-content-sha256")
    var form = try PayloadForm(header ?? claim?.payload ?? PayloadForm.unsignedText)
    // The header of a presigned request need not be signed: it can't take away what is.
    if let claim, case .hashed = try PayloadForm(claim.payload) { form = try PayloadForm(claim.payload) }
    switch form {
    case .unsigned:
      return BodySource(length: request.contentLength, next: { try await request.body.next() })
    case .hashed(let digits):
      // Whoever reads the body to its end computes its hash anyway.
      let expected = bytes(hexadecimal: digits).map { Digest($0) }
      return BodySource(
        length: request.contentLength, next: { try await request.body.next() }, sha256: { expected })
    case .unsignedChunks:
      return try chunks(request, expectsTrailer: true, signatures: nil)
    case .signedChunks(let hasTrailer):
      guard let claim, claim.payload == header, let key = signingKeys.known(claim.credential) else {
        throw .badPayloadHash(header ?? "")
      }
      return try chunks(request, expectsTrailer: hasTrailer, signatures: ChunkSignatures(claim, key: key))
    }
  }

  private func chunks(
    _ request: HTTPRequest, expectsTrailer: Bool, signatures: ChunkSignatures?
  ) throws(SignatureError) -> BodySource {
    guard let length = request.headers.first(name: "x-amz-decoded-content-length").flatMap({ UInt64($0) }) else {
      throw .noDecodedLength
    }
    let body = ChunkedBody(
      request.body, AWSChunkedDecoder(length: length, expectsTrailer: expectsTrailer, signatures: signatures),
      trailers: request.headers[canonicalForm: "x-amz-trailer"].map { $0.lowercased() })
    return BodySource(length: length, next: { try await body.next() }, trailers: { body.trailers })
  }
}

extension SignableRequest {
  package init(_ request: HTTPRequest) {
    self.init(
      method: request.method.rawValue, path: request.path, query: request.query, headers: request.headers)
  }
}
