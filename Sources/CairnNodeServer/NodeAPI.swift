package import CairnHTTP
package import CairnModel
package import CairnStorage
package import Logging
internal import NIOCore
internal import NIOHTTP1

/// A storage node's HTTP face, for coordinators: ``NodeProtocol`` onto a ``VolumeStore``.
package struct NodeAPI: HTTPResponder {
  let store: VolumeStore
  private let incarnation: UInt64
  private let tokens: NodeTokens?
  private let browserGuard: BrowserGuard?
  private let budget: ByteBudget
  private let version: String
  private let durability: String
  private let isReady: @Sendable () async -> String?
  private let logger: Logger

  /// - Parameters:
  ///   - incarnation: tells this process from another one with the same node id.
  ///   - tokens: checks the token that every request but those for health must carry; nil in a cluster without a secret.
  ///   - browserGuard: keeps web pages out where requests carry no token.
  ///   - budget: memory for the records that are on their way in.
  ///   - isReady: why the node can't do its job; nil when it can.
  package init(
    store: VolumeStore, incarnation: UInt64, tokens: NodeTokens?, browserGuard: BrowserGuard? = nil,
    budget: ByteBudget, version: String, durability: String, isReady: @escaping @Sendable () async -> String?,
    logger: Logger
  ) {
    self.store = store
    self.incarnation = incarnation
    self.tokens = tokens
    self.browserGuard = browserGuard
    self.budget = budget
    self.version = version
    self.durability = durability
    self.isReady = isReady
    self.logger = logger
  }

  package func respond(to request: HTTPRequest) async -> HTTPResponse {
    do throws(Refusal) {
      return try await answer(request)
    } catch {
      logger.debug(
        "request refused",
        metadata: [
          "request": "\(request.id)", "path": "\(request.path)", "refusal": "\(error.reason.rawValue)",
          "detail": "\(error.detail)",
        ])
      return error.response
    }
  }

  private func answer(_ request: HTTPRequest) async throws(Refusal) -> HTTPResponse {
    switch request.path {
    case NodeProtocol.healthPath: return health()
    case "/ready": return await ready()
    default: break
    }
    if browserGuard?.refusal(of: request) != nil {
      throw Refusal(
        .unauthorized,
        "without CLUSTER_SECRET, a node answers only to IP addresses, localhost, names without a dot, HOST and "
          + "ADVERTISE_HOST, and to no web page")
    }
    let token = try authorize(request)
    guard let route = NodeRoute(method: request.method, path: request.path) else {
      throw Refusal(.malformed, "\(request.method.rawValue) \(request.path) is no request to a storage node")
    }
    do {
      switch route {
      case .createVolume(let volume): try await store.createVolume(volume)
      case .append(let volume): try await append(request, token, to: volume)
      case .seal(let volume): try await store.seal(volume)
      case .drop(let volume): try await store.dropVolume(volume)
      case .read(let location): return try await read(location, request)
      case .digest(let volume): return try digest(of: volume)
      case .listBlobs(let volume): return try listBlobs(in: volume)
      case .restore(let location): try await restore(request, token, at: location)
      case .scrub(let volume): return try scrub(volume, request)
      case .listDamaged(let volume): return try listDamaged(in: volume)
      case .listGarbage(let volume): return try listGarbage(in: volume)
      case .discard(let volume): try await discard(request, token, in: volume)
      case .rewrite(let volume): return try rewriteWithoutDamage(volume)
      case .listVolumes: return listVolumes()
      case .streamRecords(let volume): return try await streamRecords(of: volume, request)
      case .readRecord(let location): return try await readRecord(location)
      }
      return HTTPResponse(.noContent)
    } catch let error as StorageError {
      throw Refusal(error.refusal, "\(error)")
    } catch let error as Refusal {
      throw error
    } catch {
      throw Refusal(.malformed, "\(error)")
    }
  }

  /// The request must be meant for this node, and come from its cluster.
  ///
  /// - Returns: the token, which must be asked whether it covers the record that is sent; nil where none is needed.
  private func authorize(_ request: HTTPRequest) throws(Refusal) -> NodeTokens.Verified? {
    // A token for another node proves nothing here; say who we are, so that the coordinator looks again.
    guard request.headers.first(name: NodeProtocol.nodeHeader) == store.node.description else {
      throw Refusal(.wrongNode, "this is node \(store.node)")
    }
    guard let tokens else { return nil }
    let subject = NodeTokens.Request(
      node: store.node, method: request.method.rawValue, path: request.path, query: request.query,
      bodyLength: request.contentLength, range: request.headers.first(name: "range") ?? "")
    guard let token = tokens.verify(request.headers.first(name: "authorization"), for: subject) else {
      throw Refusal(
        .unauthorized,
        "the cluster token is missing, was made with another CLUSTER_SECRET or for another request, or is more than "
          + "\(NodeTokens.toleranceSeconds) seconds off this node's clock")
    }
    return token
  }

  private func append(_ request: HTTPRequest, _ token: NodeTokens.Verified?, to volume: VolumeID) async throws {
    try await withRecord(of: request, token) { record in try await store.append(record, to: volume) }
  }

  /// Takes the record in the request's body, and keeps memory for it until `body` has returned.
  ///
  /// - Parameter token: of the request; nil where none is needed.
  func withRecord(
    of request: HTTPRequest, _ token: NodeTokens.Verified?, _ body: (EncodedRecord) async throws -> Void
  ) async throws {
    guard let length = request.contentLength, length <= UInt64(Record.lengthMax) else {
      throw Refusal(.malformed, "a record must have a Content-Length of at most \(Record.lengthMax)")
    }
    guard await budget.take(Int(length)) else {
      throw Refusal(.failed, "too many records are on their way in")
    }
    defer { budget.giveBack(Int(length)) }
    var bytes = ByteBuffer()
    while let part = try await request.body.next() {
      if bytes.readableBytes == 0 {
        bytes = part
        bytes.reserveCapacity(Int(length))
      } else {
        bytes.writeImmutableBuffer(part)
      }
    }
    let record: EncodedRecord
    do throws(FormatError) { record = try EncodedRecord(verifying: bytes) } catch {
      throw Refusal(.malformed, "the record arrived damaged: \(error)")
    }
    if let token, !token.covers(recordPrefix: record.prefix) {
      throw Refusal(.unauthorized, "the cluster token was made for another record than blob \(record.header.blob)")
    }
    try await body(record)
  }

  private func read(_ location: BlobLocation, _ request: HTTPRequest) async throws -> HTTPResponse {
    guard let blob = try await store.read(location) else {
      throw Refusal(.blobUnknown, "volume \(location.volume) has no blob \(location.blob)")
    }
    let size = UInt64(blob.header.payloadLength)
    let headers: HTTPHeaders = [
      NodeProtocol.checksumHeader: String(blob.header.payloadCRC, radix: 16),
      NodeProtocol.ownerHeader: RecordOwner(blob.header.kind, blob.metadata).text,
    ]
    switch RequestedRange(header: request.headers.first(name: "range"), size: size) {
    case .whole:
      return HTTPResponse(.ok, headers: headers, body: body(of: blob, ByteRange(offset: 0, length: size)))
    case .ranges(let ranges) where ranges.count == 1:
      return HTTPResponse(.partialContent, headers: headers, body: body(of: blob, ranges[0]))
    case .ranges, .unsatisfiable:
      throw Refusal(.malformed, "the range does not lie within the blob's \(size) bytes")
    }
  }

  private func body(of blob: StoredBlob, _ range: ByteRange) -> HTTPResponse.Body {
    switch blob.payload {
    case .bytes(let payload):
      let start = payload.readerIndex + Int(range.offset)
      return .bytes(payload.getSlice(at: start, length: Int(range.length)) ?? ByteBuffer())
    case .file(let file):
      return .stream(length: range.length) { writer in
        let start = Int(range.offset)
        try await writer.write(file.region(start..<start + Int(range.length)), keeping: file)
      }
    }
  }

  private func health() -> HTTPResponse {
    var json = JSONText()
    json.object { json in
      json.member("status", "healthy")
      json.member("role", "node")
      json.member("node_id", store.node.description)
      json.member("incarnation", incarnation.hexadecimal)
      json.member("version", version)
      json.member("durability", durability)
    }
    return HTTPResponse(.ok, headers: ["Content-Type": "application/json"], body: .bytes(json.buffer))
  }

  private func ready() async -> HTTPResponse {
    let reason = await isReady()
    var json = JSONText()
    json.object { json in
      if let reason { json.member("detail", reason) } else { json.member("status", "ready") }
    }
    return HTTPResponse(
      reason == nil ? .ok : .serviceUnavailable, headers: ["Content-Type": "application/json"],
      body: .bytes(json.buffer))
  }
}
