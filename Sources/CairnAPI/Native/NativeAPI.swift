package import CairnCatalog
package import CairnCluster
package import CairnHTTP
internal import CairnModel
package import CairnObjects
package import Logging
internal import NIOHTTP1

/// The native HTTP API: uploads, blobs, lists, nodes. Each route has a file of its own.
package struct NativeAPI: HTTPResponder {
  /// What `/health` tells besides that the process serves.
  package struct Identity: Sendable {
    package var role: String
    package var version: String
    package var durability: String
    /// When uploads are answered.
    package var replication: ReplicationMode

    package init(role: String, version: String, durability: String, replication: ReplicationMode) {
      self.role = role
      self.version = version
      self.durability = durability
      self.replication = replication
    }
  }

  let objects: ObjectService
  let view: ClusterView
  let catalog: any NodeRegistry & VolumeCatalog & RepairQueue
  let maintenance: Maintenance
  let identity: Identity
  let access: NativeAccess
  let reasonNotReady: @Sendable () -> String?
  let logger: Logger

  /// - Parameter reasonNotReady: why it can't do its job although catalog and nodes answer; nil when it can.
  package init(
    objects: ObjectService, view: ClusterView, catalog: any NodeRegistry & VolumeCatalog & RepairQueue,
    maintenance: Maintenance, identity: Identity, access: NativeAccess,
    reasonNotReady: @escaping @Sendable () -> String? = { nil },
    logger: Logger
  ) {
    self.objects = objects
    self.view = view
    self.catalog = catalog
    self.maintenance = maintenance
    self.identity = identity
    self.access = access
    self.reasonNotReady = reasonNotReady
    self.logger = logger
  }

  package func respond(to request: HTTPRequest) async -> HTTPResponse {
    do throws(APIError) {
      let response = try await answer(request)
      logger.debug(
        "request",
        metadata: [
          "request": "\(request.id)", "method": "\(request.method.rawValue)", "path": "\(request.path)",
          "status": "\(response.status.code)",
        ])
      return response
    } catch {
      logger.log(
        level: error.status.code >= 500 ? .warning : .debug, "request refused",
        metadata: [
          "request": "\(request.id)", "method": "\(request.method.rawValue)", "path": "\(request.path)",
          "status": "\(error.status.code)", "detail": "\(error.detail)",
        ])
      return HTTPResponse(error)
    }
  }

  private func answer(_ received: HTTPRequest) async throws(APIError) -> HTTPResponse {
    guard let route = NativeRoute(path: received.path) else {
      throw APIError(.notFound, "No route \(received.path)")
    }
    do throws(APIError) {
      guard route.methods.contains(received.method) else {
        let allowed = route.methods.map(\.rawValue).joined(separator: ", ")
        throw APIError(
          .methodNotAllowed, "\(received.method.rawValue) is not allowed here, only \(allowed)",
          headers: ["Allow": allowed])
      }
      return try await answer(access.admit(received, to: route), on: route)
    } catch {
      throw route.told(error)
    }
  }

  private func answer(_ request: HTTPRequest, on route: NativeRoute) async throws(APIError) -> HTTPResponse {
    guard let query = QueryParameters(request.query) else {
      throw APIError(.badRequest, "The query is not percent-encoded UTF-8")
    }
    switch route {
    case .upload: return try await upload(request, query)
    case .blob(let name):
      switch request.method {
      case .PUT: return try await putBlob(request, name, query)
      case .DELETE: return try await deleteBlob(request, name)
      default: return try await getBlob(request, name)
      }
    case .uploads: return try await beginUpload(request, query)
    case .partialUpload(let id):
      return request.method == .DELETE ? try await abandonUpload(id) : try await getUpload(id)
    case .part(let id, let number): return try await putPart(request, number, of: id)
    case .completion(let id): return try await completeUpload(request, id, query)
    case .blobStatus(let name): return try await blobStatus(name)
    case .blobs: return try await listBlobs(query)
    case .nodes: return nodes()
    case .node(let id): return request.method == .DELETE ? try await forgetNode(id) : try await getNode(id)
    case .nodeDrain(let id): return try await drainNode(id, request.method == .POST)
    case .accessKeys: return request.method == .POST ? try await createKey(query) : try await listKeys()
    case .accessKey(let id):
      return request.method == .DELETE ? try await removeKey(id) : try await changeKey(id, query)
    case .status: return try await clusterStatus()
    case .gc: return try await collectGarbage(query)
    case .scrub: return try await scrub()
    case .health: return health()
    case .ready: return try await ready()
    case .description: return openAPI()
    case .download: return try await download(request, query)
    case .test: return test()
    case .files: return try await postFile(request, query)
    case .file(let name): return request.method == .DELETE ? try await deleteFile(name) : try await getFile(name)
    case .store: return try await store(request, query)
    case .retrieve(let key): return try await retrieve(key)
    }
  }

  /// Finds the object that a path names: by its name, else by its blob id.
  func find(_ encodedName: Substring) async throws(APIError) -> (key: ObjectKey, object: StoredObject) {
    try await find(NativeRoute.key(encodedName))
  }

  /// Finds an object by its name, else by its blob id.
  func find(_ key: ObjectKey) async throws(APIError) -> (key: ObjectKey, object: StoredObject) {
    do throws(ObjectError) {
      if let object = try await objects.object(ObjectName(key: key)) { return (key, object) }
      if let version = BlobID(key.text), let found = try await objects.object(version: version, in: .default) {
        return found
      }
    } catch {
      throw APIError(error)
    }
    throw .notFound
  }
}
