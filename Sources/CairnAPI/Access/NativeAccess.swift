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
  /// Every caller must have a key (`AUTH=required`).
  private let isRequired: Bool
  /// Only this machine reaches the API: who does may make keys.
  private let isLocal: Bool
  private let signed: @Sendable (HTTPRequest) async throws(APIError) -> Signed?

  /// - Parameters:
  ///   - isRequired: every caller must have a key.
  ///   - isLocal: whether only this machine reaches the API.
  ///   - signed: verifies a request's signature; nil for one that has none.
  package init(
    keys: AccessKeyStore, isRequired: Bool, isLocal: Bool,
    signed: @escaping @Sendable (HTTPRequest) async throws(APIError) -> Signed?
  ) {
    self.keys = keys
    self.isRequired = isRequired
    self.isLocal = isLocal
    self.signed = signed
  }

  /// Lets a request through, or not.
  ///
  /// - Returns: the request, with a body that is verified where the caller signed for it.
  func admit(_ request: HTTPRequest, to route: NativeRoute) async throws(APIError) -> HTTPRequest {
    let need = route.need(for: request)
    let isOpen =
      switch need {
      case .nothing: true
      case .keyAdministration: !isRequired && isLocal
      case .anyKey, .objects, .administration: !isRequired
      }
    if isOpen { return request }
    let (key, admitted) = try await caller(request)
    let suffices =
      switch need {
      case .nothing, .anyKey: true
      case .objects(let permissions): key.grants.permissions(in: .default).isSuperset(of: permissions)
      case .administration, .keyAdministration: key.isAdministrator
      }
    guard suffices else {
      throw APIError(.forbidden, "The access key '\(key.id)' lacks the permission for this: see `cairn key allow`")
    }
    return admitted
  }

  private func caller(_ request: HTTPRequest) async throws(APIError) -> Signed {
    if let authorization = request.headers.first(name: "authorization")?.utf8,
      // RFC 9110, 11.1: its case says nothing.
      Substring(authorization.prefix(Self.bearer.utf8.count)).lowercased() == Self.bearer
    {
      // What counts would be for the reader to choose.
      guard request.query.isEmpty || !request.query.contains("X-Amz-Signature=") else {
        throw APIError(
          .badRequest, "The request has both an Authorization header and the signature of a presigned URL: send one")
      }
      let token = Substring(authorization.dropFirst(Self.bearer.utf8.count))
      guard let colon = token.utf8.firstIndex(of: UInt8(ascii: ":")) else { throw Self.unknown }
      let key: AccessKey?
      do throws(AccessKeyError) { key = try await keys.find(AccessKeyID(String(token[..<colon]))) } catch {
        throw APIError(error)
      }
      guard let key, key.hasSecret(token[token.utf8.index(after: colon)...]) else { throw Self.unknown }
      return (key, request)
    }
    guard let signed = try await signed(request) else {
      throw .unauthorized("This needs an access key: send 'Authorization: Bearer ID:SECRET', or sign the request")
    }
    return signed
  }

  private static let unknown = APIError.unauthorized("There is no access key with this id and secret")
}

/// What a route asks of its caller's key.
enum NativeNeed: Hashable {
  case nothing
  /// To look at the cluster.
  case anyKey
  /// In the bucket that the native API's blobs are in.
  case objects(S3Permissions)
  /// To change the cluster.
  case administration
  /// To see and change who may do what.
  case keyAdministration
}

extension NativeRoute {
  func need(for request: HTTPRequest) -> NativeNeed {
    let isRead = request.method == .GET || request.method == .HEAD
    switch self {
    case .health, .ready, .description, .test: return .nothing
    case .nodes, .status: return .anyKey
    case .node: return isRead ? .anyKey : .administration
    case .blobs, .blobStatus, .download, .retrieve: return .objects(.read)
    case .blob:
      // A copy reads what it writes.
      if request.headers.contains(name: NativeAPI.copySourceField) { return .objects([.read, .write]) }
      return .objects(isRead ? .read : .write)
    case .file: return .objects(isRead ? .read : .write)
    case .upload, .uploads, .partialUpload, .completion, .part, .files, .store: return .objects(.write)
    case .nodeDrain, .gc, .scrub: return .administration
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
