package import CairnHTTP
internal import CairnModel
package import CairnObjects
internal import NIOHTTP1

/// Who may use the native API: the one place that decides.
package struct NativeAccess: Sendable {
  /// A request that was signed, with the key and with a body that is verified while it is read.
  package typealias Signed = (key: AccessKey, request: HTTPRequest)

  private static let bearer = "bearer "

  package let keys: AccessKeyStore
  let owners: any BucketOwners
  /// Every caller must have a key (`AUTH=required`).
  private let isRequired: Bool
  /// Where nobody must have a key, keeps web pages out.
  private let browserGuard: BrowserGuard
  private let localKey: LocalKey?
  private let signed: @Sendable (HTTPRequest) async throws(APIError) -> Signed?

  /// - Parameters:
  ///   - isRequired: every caller must have a key.
  ///   - browserGuard: keeps web pages out where that is not so.
  ///   - localKey: lets callers on this machine administer keys; nil where there is no storage path to keep it in.
  ///   - signed: verifies a request's signature; nil for one that has none.
  package init(
    keys: AccessKeyStore, owners: any BucketOwners, isRequired: Bool, browserGuard: BrowserGuard, localKey: LocalKey?,
    signed: @escaping @Sendable (HTTPRequest) async throws(APIError) -> Signed?
  ) {
    self.keys = keys
    self.owners = owners
    self.isRequired = isRequired
    self.browserGuard = browserGuard
    self.localKey = localKey
    self.signed = signed
  }

  /// Lets a request through, or not.
  ///
  /// - Returns: the request, with a body that is verified where the caller signed for it.
  func admit(_ request: HTTPRequest, to route: NativeRoute) async throws(APIError) -> HTTPRequest {
    let need = route.need(for: request)
    if need == .nothing { return request }
    // A request with a key does not come from a web page: browsers add no key by themselves.
    let refusal = isRequired ? nil : browserGuard.refusal(of: request)
    if !isRequired, refusal == nil, need != .keyAdministration { return request }
    guard let (caller, admitted) = try await caller(of: request) else {
      if let refusal { throw APIError(refusal.status, refusal.description) }
      throw need == .keyAdministration ? keyAdministrationNeedsKey : .unauthorized(Self.keyNeeded)
    }
    guard caller.may(need) else {
      throw APIError(
        .forbidden, "The access key '\(caller.id)' lacks the permission for this: see `cairn key allow`")
    }
    return admitted
  }

  /// Who has proved to send a request.
  private enum Caller {
    case key(AccessKey)
    /// Somebody who can read the storage path.
    case local

    var id: AccessKeyID {
      switch self {
      case .key(let key): key.id
      case .local: LocalKey.id
      }
    }

    func may(_ need: NativeNeed) -> Bool {
      switch (self, need) {
      case (_, .nothing), (.local, .keyAdministration): true
      case (.local, _): false
      case (.key(let key), .objects(let permissions)):
        key.grants.permissions(in: .default).isSuperset(of: permissions)
      case (.key(let key), .administration), (.key(let key), .keyAdministration): key.isAdministrator
      }
    }
  }

  /// - Returns: nil for a request without any credential.
  private func caller(of request: HTTPRequest) async throws(APIError) -> (Caller, HTTPRequest)? {
    if let authorization = request.headers.first(name: "authorization")?.utf8,
      // RFC 9110, 11.1: its case says nothing.
      Substring(authorization.prefix(Self.bearer.utf8.count)).lowercased() == Self.bearer
    {
      // What counts would be for the reader to choose.
      guard request.query.isEmpty || !request.query.contains("X-Amz-Signature=") else {
        throw APIError(
          .badRequest, "The request has both an Authorization header and the signature of a presigned URL: send one")
      }
      return (try await bearer(of: Substring(authorization.dropFirst(Self.bearer.utf8.count))), request)
    }
    guard let (key, admitted) = try await signed(request) else { return nil }
    return (.key(key), admitted)
  }

  /// - Parameter token: `ID:SECRET`.
  private func bearer(of token: Substring) async throws(APIError) -> Caller {
    guard let colon = token.utf8.firstIndex(of: UInt8(ascii: ":")) else { throw Self.unknown }
    let (id, secret) = (AccessKeyID(String(token[..<colon])), token[token.utf8.index(after: colon)...])
    if id == LocalKey.id {
      guard let localKey, localKey.has(secret: secret) else { throw Self.unknown }
      return .local
    }
    let key: AccessKey?
    do throws(AccessKeyError) { key = try await keys.find(id) } catch { throw APIError(error) }
    guard let key, key.hasSecret(secret) else { throw Self.unknown }
    return .key(key)
  }

  private static let unknown = APIError.unauthorized("There is no access key with this id and secret")
  private static let keyNeeded = "This needs an access key: send 'Authorization: Bearer ID:SECRET', or sign the request"

  /// Strangers learn where the storage path is only from servers that show it to everybody anyway.
  private var keyAdministrationNeedsKey: APIError {
    guard !isRequired else { return .unauthorized(Self.keyNeeded) }
    guard let localKey else {
      return .unauthorized(
        "Access keys are administered with one that may do everything, such as ACCESS_KEY with SECRET_KEY: send "
          + "'Authorization: Bearer ID:SECRET', or set CAIRN_TOKEN to ID:SECRET for `cairn key`")
    }
    var error = APIError.unauthorized(
      "Administering access keys needs an administrator's key: send 'Authorization: Bearer ID:SECRET'. On this server's "
        + "machine, `cairn key` needs none if it can read the server's storage path")
    error.headers.add(contentsOf: localKey.fields)
    return error
  }
}

/// What a route asks of its caller's key.
enum NativeNeed: Hashable {
  case nothing
  /// In the bucket that the native API's blobs are in.
  case objects(S3Permissions)
  /// To change the cluster, or to see its nodes and where they keep their data.
  case administration
  /// To see and change who may do what.
  case keyAdministration
}

extension NativeRoute {
  func need(for request: HTTPRequest) -> NativeNeed {
    let isRead = request.method == .GET || request.method == .HEAD
    switch self {
    case .health, .ready, .description, .test: return .nothing
    case .blobs, .blobStatus, .download, .retrieve: return .objects(.read)
    case .blob:
      // A copy reads what it writes.
      if request.headers.contains(name: NativeAPI.copySourceField) { return .objects([.read, .write]) }
      return .objects(isRead ? .read : .write)
    case .file: return .objects(isRead ? .read : .write)
    case .upload, .uploads, .partialUpload, .completion, .part, .files, .store: return .objects(.write)
    case .nodes, .node, .nodeDrain, .status, .gc, .scrub: return .administration
    case .accessKeys, .accessKey: return .keyAdministration
    }
  }
}

extension APIError {
  /// The caller has to show an access key, or another one.
  package static func unauthorized(_ detail: String) -> APIError {
    APIError(.unauthorized, detail, headers: ["WWW-Authenticate": "Bearer realm=\"cairn\""])
  }

  init(_ error: AccessKeyError) {
    switch error {
    case .noSuchKey: self.init(.notFound, "\(error)")
    case .configured: self.init(.conflict, "\(error)")
    case .noSealingSecret, .unreadable: self.init(.internalServerError, "\(error)")
    case .store(let error): self.init(error)
    }
  }
}
