import CairnAPI
import CairnClient
import CairnHTTP
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix

/// Speaks to a server or coordinator for an operator.
struct OperatorClient {
  /// Nobody's status is larger: some hundred bytes for each of many thousand nodes.
  private static let answerBytesMax = 64 << 20
  /// Counting the volumes of a large cluster takes a while.
  private static let timeouts = HTTPClient.Timeouts(connect: .seconds(5), idle: .seconds(60))

  let server: ServerAddress
  /// Where the file lies that stands in for an access key; nil to go by what the server says.
  private let keyFile: String?
  private let client: HTTPClient

  /// - Parameter storagePath: of the server, where it is on this machine and the operator has said so.
  init(_ server: ServerAddress, storagePath: String? = nil) {
    self.server = server
    keyFile = storagePath.map { $0 + "/" + LocalKeyFile.name }
    client = HTTPClient(group: .singleton, timeouts: Self.timeouts)
  }

  /// Sends a request without a body.
  ///
  /// - Returns: the body of an answer that says yes.
  func send(_ method: HTTPMethod, _ path: String) async throws(ClientError) -> Data {
    var (status, headers, body) = try await answer(to: method, path, server)
    if status == .unauthorized, server.token == nil, let keyFile = keyFile ?? Self.keyFile(headers) {
      var server = server
      server.token = try LocalKeyFile.token(in: keyFile, for: server.listen)
      (status, headers, body) = try await answer(to: method, path, server)
    }
    let data = Data(body.readableBytesView)
    guard (200..<300).contains(status.code) else {
      guard status != .unauthorized || server.token != nil else { throw .accessKeyNeeded }
      let detail = (try? Self.decoder.decode(ErrorAnswer.self, from: data))?.detail
      throw .refused(
        detail ?? "\(server.listen) answered \(status.code) to \(method.rawValue) \(path): is it a Cairn coordinator?")
    }
    return data
  }

  private func answer(
    to method: HTTPMethod, _ path: String, _ server: ServerAddress
  ) async throws(ClientError) -> (HTTPResponseStatus, HTTPHeaders, ByteBuffer) {
    do throws(HTTPClientError) {
      return try await client.fetch(server.request(method, path), from: server.listen, limit: Self.answerBytesMax)
    } catch {
      throw .unreachable("\(error)")
    }
  }

  /// Where a server says that it keeps the file, else that of the storage path in the environment.
  private static func keyFile(_ headers: HTTPHeaders) -> String? {
    if let field = headers.first(name: LocalKey.fileField) {
      return PercentCoding.decode(field[...]).flatMap(PercentCoding.text)
    }
    guard let folder = ProcessInfo.processInfo.environment[Settings.basePath.name], !folder.isEmpty else { return nil }
    let path = folder + "/" + LocalKeyFile.name
    return FileManager.default.fileExists(atPath: path) ? path : nil
  }

  /// Reads what a path answers.
  func get<Answer: Decodable>(_ path: String, as: Answer.Type = Answer.self) async throws(ClientError) -> Answer {
    try decode(try await send(.GET, path))
  }

  func decode<Answer: Decodable>(_ data: Data, as: Answer.Type = Answer.self) throws(ClientError) -> Answer {
    do {
      return try Self.decoder.decode(Answer.self, from: data)
    } catch {
      throw .refused("\(server.listen) sent an answer that this cairn doesn't understand: use one of its version")
    }
  }

  /// The whole id of the node that `prefix` abbreviates.
  func nodeID(_ prefix: String) async throws(ClientError) -> String {
    let nodes = try await get("/nodes", as: NodesAnswer.self)
    return try NodePrefix.find(prefix, among: nodes.all.map(\.nodeId))
  }

  private static var decoder: JSONDecoder {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return decoder
  }
}
