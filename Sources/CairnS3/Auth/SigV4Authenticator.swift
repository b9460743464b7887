package import CairnHTTP
internal import CairnModel
package import CairnObjects
internal import NIOCore
internal import NIOHTTP1

/// Takes requests that are signed with a key of the store, by AWS's version 4.
package struct SigV4Authenticator: S3Authenticator {
  private let keys: AccessKeyStore
  private let service: SigningService
  private let region: String
  private let allowsAnonymous: Bool
  private let signingKeys = SigningKeys()

  /// - Parameters:
  ///   - service: of the port at which the requests come.
  ///   - region: the one that signatures must name (`S3_REGION`).
  ///   - allowsAnonymous: who doesn't sign may do everything (`ALLOW_ANONYMOUS`).
  package init(keys: AccessKeyStore, service: SigningService, region: String, allowsAnonymous: Bool) {
    self.keys = keys
    self.service = service
    self.region = region
    self.allowsAnonymous = allowsAnonymous
  }

  package func authenticate(_ request: HTTPRequest) async throws(S3Error) -> S3Identity {
    guard let (key, _) = try await verify(request) else {
      return allowsAnonymous ? .unrestricted : .anonymous
    }
    return .key(key.id, key.grants)
  }

  /// The key that a request is signed with, and what it says of its signature; nil for one that isn't signed.
  private func verify(_ request: HTTPRequest) async throws(S3Error) -> (key: AccessKey, claim: SignatureClaim)? {
    let signable = SignableRequest(request)
    let claim: SignatureClaim?
    do throws(SignatureError) {
      claim = try SignatureClaim(signable, service: service, region: region, now: HTTPDate.secondsNow())
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
      return (found, claim)
    } catch {
      throw S3Error(error)
    }
  }

  /// The key of a signed request, and the request with a body that is verified while it is read; nil for one that isn't
  /// signed. For what doesn't read bodies through ``body(of:_:)``, so their chunks can't be signed.
  package func verified(_ request: HTTPRequest) async throws(S3Error) -> (key: AccessKey, request: HTTPRequest)? {
    guard let (key, claim) = try await verify(request) else { return nil }
    let form: PayloadForm
    do throws(SignatureError) {
      let signed = try PayloadForm(claim.payload)
      // The header of a presigned request need not be signed: it can't take away what is.
      let header = request.headers.first(name: "x-amz-content-sha256")
      form = if signed == .unsigned, let header { try PayloadForm(header) } else { signed }
    } catch {
      throw S3Error(error)
    }
    switch form {
    case .unsigned: return (key, request)
    case .hashed(let digest):
      return (key, HTTPRequest(request, body: HashedBody.verified(request.body, digest: digest)))
    case .signedChunks, .unsignedChunks: throw .notImplemented("aws-chunked")
    }
  }

  package func body(of request: HTTPRequest, _ identity: S3Identity) throws(S3Error) -> BodySource {
    do throws(SignatureError) {
      let header = request.headers.first(name: "x-amz-content-sha256")
      let told = try header.map { text throws(SignatureError) in try PayloadForm(text) }
      // In a header that is signed it says all, so that the signature need not be looked at again.
      if case .hashed(let digest)? = told, request.headers.contains(name: "authorization") {
        return hashed(request, identity, digest)
      }
      var claim: SignatureClaim?
      if case .key = identity {
        claim = try SignatureClaim(
          SignableRequest(request), service: service, region: region, now: HTTPDate.secondsNow())
      }
      let signed = try claim.map { claim throws(SignatureError) in try PayloadForm(claim.payload) }
      // The header of a presigned request need not be signed: it can't take away what is.
      if case .hashed(let digest)? = signed { return hashed(request, identity, digest) }
      switch told ?? signed ?? .unsigned {
      case .unsigned:
        return BodySource(
          length: request.contentLength, next: { try await request.body.next() },
          client: { identity.budgetClient(of: request) })
      case .hashed(let digest):
        return hashed(request, identity, digest)
      case .unsignedChunks:
        return try chunks(request, identity, expectsTrailer: true, signatures: nil)
      case .signedChunks(let hasTrailer):
        guard let claim, claim.payload == header, let key = signingKeys.known(claim.credential) else {
          throw .badPayloadHash(header ?? "")
        }
        return try chunks(request, identity, expectsTrailer: hasTrailer, signatures: ChunkSignatures(claim, key: key))
      }
    } catch {
      throw S3Error(error)
    }
  }

  /// Whoever reads the body to its end computes its hash anyway.
  private func hashed(_ request: HTTPRequest, _ identity: S3Identity, _ digest: Digest) -> BodySource {
    BodySource(
      length: request.contentLength, next: { try await request.body.next() }, sha256: { digest },
      client: { identity.budgetClient(of: request) })
  }

  private func chunks(
    _ request: HTTPRequest, _ identity: S3Identity, expectsTrailer: Bool, signatures: ChunkSignatures?
  ) throws(SignatureError) -> BodySource {
    guard let length = request.headers.first(name: "x-amz-decoded-content-length").flatMap({ UInt64($0) }) else {
      throw .noDecodedLength
    }
    let body = ChunkedBody(
      request.body, AWSChunkedDecoder(length: length, expectsTrailer: expectsTrailer, signatures: signatures),
      trailers: request.headers[canonicalForm: "x-amz-trailer"].map { $0.lowercased() })
    return BodySource(
      length: length, next: { try await body.next() }, trailers: { body.trailers },
      client: { identity.budgetClient(of: request) })
  }
}

extension S3Identity {
  /// Whose share of the memory for uploads a request's body uses.
  func budgetClient(of request: HTTPRequest) -> BudgetClient {
    if case .key(let key, _) = self { .key(key.text) } else { .address(request.body.senderNetwork) }
  }
}

extension SignableRequest {
  package init(_ request: HTTPRequest) {
    self.init(
      method: request.method.rawValue, path: request.path, query: request.query, headers: request.headers)
  }
}
