package import CairnHTTP
package import CairnModel
internal import Foundation
internal import NIOCore
internal import NIOHTTP1

extension ListenAddress {
  /// Where a node said that it can be reached.
  package init(of report: NodeReport) {
    self.init(host: report.address, port: report.port)
  }
}

/// A storage node on another machine, reached over HTTP.
package struct RemoteNode: StorageNode {
  package let id: NodeID
  let address: ListenAddress
  let client: HTTPClient
  private let tokens: NodeTokens?
  private let lines: NodeLines?

  /// - Parameters:
  ///   - tokens: makes the tokens that the node asks for; nil in a cluster without a secret.
  ///   - lines: where large records wait for their turn; nil where nobody else sends any.
  package init(id: NodeID, address: ListenAddress, client: HTTPClient, tokens: NodeTokens?, lines: NodeLines? = nil) {
    self.id = id
    self.address = address
    self.client = client
    self.tokens = tokens
    self.lines = lines
  }

  package func probe() async throws(NodeError) {
    let answer = try await fetch(.GET, NodeProtocol.healthPath, limit: Self.answerBytesMax)
    let health = try? JSONDecoder().decode(Health.self, from: Data(answer.readableBytesView))
    guard health?.nodeID == id.description else {
      throw .unreachable(id, "\(address) answered, and is not this node")
    }
  }

  package func createVolume(_ volume: VolumeID) async throws(NodeError) {
    try await command(.PUT, NodeProtocol.volumePath(volume))
  }

  package func append(_ record: EncodedRecord, to volume: VolumeID) async throws(NodeError) {
    let length = record.header.length
    guard let lines, length >= NodeLine.recordLengthMin else { return try await send(record, to: volume) }
    let line = lines.line(to: id)
    guard await line.enter(length) else {
      throw .unreachable(id, "a record before this one could not be sent")
    }
    do throws(NodeError) {
      try await send(record, to: volume)
      line.leave(length, failed: false)
    } catch {
      if case .unreachable = error { line.leave(length, failed: true) } else { line.leave(length, failed: false) }
      throw error
    }
  }

  private func send(_ record: EncodedRecord, to volume: VolumeID) async throws(NodeError) {
    try await command(.POST, NodeProtocol.recordsPath(volume), record: record)
  }

  package func seal(_ volume: VolumeID) async throws(NodeError) {
    try await command(.POST, NodeProtocol.sealPath(volume))
  }

  package func read(
    _ location: BlobLocation, expecting expected: ExpectedRecord, range: Range<UInt64>?
  ) async throws(NodeError) -> BlobContent {
    if let range, range.isEmpty { return .bytes(ByteBuffer()) }
    let response = try await send(request(.GET, NodeProtocol.blobPath(location), range: range))
    guard response.headers.first(name: NodeProtocol.ownerHeader) == expected.owner.text else {
      response.body.cancel()
      throw .otherRecord(id, location, expected)
    }
    guard let length = response.headers.first(name: "content-length").flatMap({ UInt64($0) }),
      range == nil || UInt64(range?.count ?? 0) == length
    else {
      response.body.cancel()
      throw .unreachable(id, "it answered a read with a length that was not asked for")
    }
    // The checksum is of the whole payload, so only whole reads can be compared with it.
    let checksum =
      range == nil
      ? response.headers.first(name: NodeProtocol.checksumHeader).flatMap { UInt32($0, radix: 16) } : nil
    return .stream(length: length) { sink in
      var crc = CRC32C()
      // One piece is held back, so that nobody has all bytes before they are known to be right.
      var held: ByteBuffer?
      do {
        while let bytes = try await next(of: response.body) {
          bytes.withUnsafeReadableBytes { crc.update($0) }
          if let held { try await sink.write(held) }
          held = bytes
        }
      } catch {
        response.body.cancel()
        throw error
      }
      if let checksum, crc.value != checksum {
        throw NodeError.refused(id, .corrupt, "blob \(location.blob) changed on its way")
      }
      if let held { try await sink.write(held) }
    }
  }

  private func next(of body: HTTPClientBody) async throws(NodeError) -> ByteBuffer? {
    do throws(HTTPClientError) { return try await body.next() } catch { throw NodeError(error, of: id) }
  }

  /// - Parameters:
  ///   - query: begins with `?` where there is one.
  ///   - range: of the answer's bytes, not empty; nil for all.
  ///   - record: to send.
  func request(
    _ method: HTTPMethod, _ path: String, query: String = "", range: Range<UInt64>? = nil,
    record: EncodedRecord? = nil
  ) -> HTTPClientRequest {
    var headers: HTTPHeaders = [NodeProtocol.nodeHeader: id.description]
    let rangeText = range.map { "bytes=\($0.lowerBound)-\($0.upperBound - 1)" }
    if let rangeText { headers.add(name: "Range", value: rangeText) }
    if let tokens {
      let subject = NodeTokens.Request(
        node: id, method: method.rawValue, path: path[...], query: query.dropFirst(),
        bodyLength: UInt64(record?.header.length ?? 0), range: rangeText ?? "")
      headers.add(
        name: "Authorization", value: tokens.authorization(for: subject, recordPrefix: record?.prefix))
    }
    let body = record.map { [$0.prefix, $0.payload] } ?? []
    return HTTPClientRequest(method, path + query, headers: headers, body: body)
  }

  /// Sends a request whose answer carries no blob, from wherever the caller runs. The node carries it out although the
  /// client that caused it goes away: only its answer, or a time-out, says something of the node.
  func command(_ method: HTTPMethod, _ path: String, record: EncodedRecord? = nil) async throws(NodeError) {
    var request = request(method, path, record: record)
    request.outlivesCancellation = true
    _ = try await fetch(request, limit: Self.answerBytesMax)
  }

  /// Sends a request and reads the whole answer, from wherever the caller runs.
  ///
  /// - Parameter limit: bytes of the answer.
  func fetch(
    _ method: HTTPMethod, _ path: String, limit: Int
  ) async throws(NodeError) -> ByteBuffer {
    try await fetch(request(method, path), limit: limit)
  }

  private func fetch(_ request: HTTPClientRequest, limit: Int) async throws(NodeError) -> ByteBuffer {
    let answer: (status: HTTPResponseStatus, headers: HTTPHeaders, body: ByteBuffer)
    do throws(HTTPClientError) {
      answer = try await client.fetch(request, from: address, limit: limit)
    } catch {
      throw NodeError(error, of: id)
    }
    guard answer.status.code < 300 else { throw refusal(answer.status, answer.headers, answer.body) }
    return answer.body
  }

  /// Sends a request on the caller's event loop; an answer that is an error is thrown.
  func send(_ request: HTTPClientRequest) async throws(NodeError) -> HTTPClientResponse {
    let response: HTTPClientResponse
    do throws(HTTPClientError) {
      response = try await client.send(request, to: address)
    } catch {
      throw NodeError(error, of: id)
    }
    guard response.status.code >= 300 else { return response }
    let detail = try? await response.body.collect(limit: Self.answerBytesMax)
    throw refusal(response.status, response.headers, detail ?? ByteBuffer())
  }

  /// Bytes of an answer that carries no blob.
  private static let answerBytesMax = 64 << 10

  private func refusal(_ status: HTTPResponseStatus, _ headers: HTTPHeaders, _ body: ByteBuffer) -> NodeError {
    guard let refusal = headers.first(name: NodeProtocol.refusalHeader).flatMap(NodeRefusal.init) else {
      return .unreachable(id, "\(address) answered \(status.code), not as a node does")
    }
    let detail = try? JSONDecoder().decode(Detail.self, from: Data(body.readableBytesView)).detail
    return .refused(id, refusal, detail ?? String(buffer: body))
  }

  /// What a node says of itself.
  private struct Health: Decodable {
    let nodeID: String

    enum CodingKeys: String, CodingKey {
      case nodeID = "node_id"
    }
  }

  /// What an answer that is an error has in its body.
  private struct Detail: Decodable {
    let detail: String
  }
}
