internal import CairnHTTP
package import CairnModel
package import Foundation
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// A file on a server.
package struct RemoteFile: Hashable, Sendable {
  package var name: ByteText
  /// Bytes.
  package var size: UInt64
  package var checksums: Checksums
  package var contentType: String
  /// As the server writes it.
  package var lastModified: String
  /// With its quotes.
  package var etag: String
}

/// Speaks with a server about files.
package struct BlobClient: Sendable {
  /// Of an answer that is no file: a page of a list is the longest.
  private static let answerBytesMax = 16 << 20
  /// A server syncs a large upload to its disks before it answers.
  private static let timeouts = HTTPClient.Timeouts(connect: .seconds(5), idle: .seconds(60))

  package let server: ServerAddress
  package let retry: RetryPolicy
  /// Bytes above which a file goes up in parts, and of each part.
  package let partSize: UInt64
  /// Where uploads in parts are remembered; nil for nowhere.
  let memoryFolder: String?
  let http: HTTPClient
  /// For requests that the server works on for long before it answers.
  private let patient: HTTPClient
  let threads: NIOThreadPool

  /// - Parameters:
  ///   - partSize: bytes above which a file goes up in parts, and of each part.
  ///   - memoryFolder: where uploads in parts are remembered; nil for nowhere.
  package init(
    _ server: ServerAddress, retry: RetryPolicy, partSize: UInt64 = 64 << 20, memoryFolder: String? = nil
  ) {
    self.partSize = partSize
    self.memoryFolder = memoryFolder
    patient = HTTPClient(group: .singleton, timeouts: .init(connect: .seconds(5), idle: .hours(1)))
    self.server = server
    self.retry = retry
    http = HTTPClient(group: .singleton, timeouts: Self.timeouts)
    threads = .singleton
  }

  // MARK: Files

  /// What the server knows of a file.
  package func head(_ name: ByteText) async throws(ClientError) -> RemoteFile {
    let answer = try await fetch(
      .HEAD, path(name), headers: ["Want-Repr-Digest": "sha-256=1"], about: name)
    return try Self.file(name, answer.headers)
  }

  /// Where a file's bytes are, in the server's words.
  package func replication(_ name: ByteText) async throws(ClientError) -> Data {
    try await fetch(.GET, path(name) + "/status", about: name).body
  }

  /// - Parameter etag: only this version.
  package func delete(_ name: ByteText, ifMatch etag: String? = nil) async throws(ClientError) {
    _ = try await fetch(.DELETE, path(name), headers: HTTPHeaders(etag.map { [("If-Match", $0)] } ?? []), about: name)
  }

  /// Copies a file within the server.
  ///
  /// - Parameter overwrite: false to leave a file of the new name as it is, and fail.
  package func copy(
    _ source: RemoteFile, to name: ByteText, overwrite: Bool
  ) async throws(ClientError) -> UploadedFile {
    let answer = try await fetch(
      .PUT, path(name) + (overwrite ? "" : "?on_conflict=reject"),
      headers: [
        "X-Cairn-Copy-Source": PercentCoding.encode(source.name.string), "X-Cairn-Copy-Source-If-Match": source.etag,
      ], about: source.name, isLong: true)
    return try Self.uploaded(answer.body, server)
  }

  /// A page of names.
  ///
  /// - Parameter delimiter: names are told up to it where it follows the prefix; nil for all names whole.
  package func list(
    prefix: ByteText, delimiter: String? = nil, startAfter: ByteText? = nil
  ) async throws(ClientError) -> ListedPage {
    var query = "?prefix=\(PercentCoding.encode(prefix.string))"
    if let delimiter { query += "&delimiter=\(PercentCoding.encode(delimiter))" }
    if let startAfter { query += "&start_after=\(PercentCoding.encode(startAfter.string))" }
    let answer = try await fetch(.GET, "/blobs" + query, about: prefix)
    let page: ListedPage = try Self.decode(answer.body, server)
    for file in page.blobs { try Self.check(file.size, of: file.name) }
    return page
  }

  /// A server that says nonsense must not end the program: sizes are added up.
  private static func check(_ size: UInt64, of name: ByteText) throws(ClientError) {
    guard size <= Limits.storedSizeMax else {
      throw .refused("the server says that \(quoted(name)) has \(size) bytes: no file can have as many")
    }
  }

  /// Every file whose name starts with `prefix`, in bytewise order.
  package func all(prefix: ByteText) async throws(ClientError) -> [ListedFile] {
    var files: [ListedFile] = []
    var startAfter: ByteText?
    repeat {
      let page = try await list(prefix: prefix, startAfter: startAfter)
      files += page.blobs
      startAfter = page.nextStartAfter
    } while startAfter != nil
    return files
  }

  // MARK: State

  /// Keeps a text under a key.
  package func store(_ value: StoredText) async throws(ClientError) {
    let body: Data
    do { body = try JSONEncoder().encode(value) } catch { throw .refused("\(error)") }
    _ = try await fetch(
      .POST, "/store", headers: ["Content-Type": "application/json"], body: ByteBuffer(bytes: body),
      about: ByteText(value.key))
  }

  /// The text of a key; nil where there is none.
  package func retrieve(_ key: String) async throws(ClientError) -> String? {
    let answer = try await fetch(.GET, "/retrieve/\(key)", about: ByteText(key))
    return try Self.decode(answer.body, server, as: RetrievedText.self).value
  }

  // MARK: Requests

  /// The path of a file, percent-encoded.
  func path(_ name: ByteText) -> String { "/blob/" + PercentCoding.encode(name.string) }

  /// Sends a small request, again where that may help, and reads an answer that says yes.
  ///
  /// - Parameter subject: what a 404 is about.
  func fetch(
    _ method: HTTPMethod, _ path: String, headers: HTTPHeaders = [:], body: ByteBuffer? = nil, about subject: ByteText,
    isLong: Bool = false
  ) async throws(ClientError) -> (headers: HTTPHeaders, body: Data) {
    let request = server.request(method, path, headers: headers, body: body.map { [$0] } ?? [])
    return try await retry.retrying { () async throws(ClientError) in
      let answer: (status: HTTPResponseStatus, headers: HTTPHeaders, body: ByteBuffer)
      do throws(HTTPClientError) {
        answer = try await (isLong ? patient : http).fetch(request, from: server.listen, limit: Self.answerBytesMax)
      } catch {
        throw ClientError(error)
      }
      let data = Data(answer.body.readableBytesView)
      guard (200..<300).contains(answer.status.code) else {
        throw refusal(answer.status, answer.headers, data, about: subject)
      }
      return (answer.headers, data)
    }
  }

  /// The error that an answer is.
  func refusal(
    _ status: HTTPResponseStatus, _ headers: HTTPHeaders, _ body: Data, about subject: ByteText
  ) -> ClientError {
    let told = (try? Self.decoder.decode(Refusal.self, from: body))?.detail
    let detail = told ?? "\(server.listen) answered \(status.code) \(status.reasonPhrase)"
    return switch status {
    case .notFound where told.map { ByteText($0).starts(with: "No route") } != true: .noSuchBlob(subject)
    case .preconditionFailed:
      .changed("\(Self.quoted(subject)) was changed by another client in the meantime: check it and try again")
    case .unauthorized where server.token == nil: .accessKeyNeeded
    case .conflict: .refused("\(detail): give another name, or leave --no-overwrite out")
    case .unprocessableEntity: .mismatch(Self.quoted(subject))
    case .requestTimeout, .tooManyRequests, .badGateway, .serviceUnavailable, .gatewayTimeout, .internalServerError:
      .busy(detail, retryAfter: headers.first(name: "retry-after").flatMap(Int.init))
    default: .refused(detail)
    }
  }

  /// A name as it is shown: nothing that a name holds moves the cursor or breaks a line.
  package static func quoted(_ name: String) -> String {
    let text = name.unicodeScalars.map { scalar in
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator: "\\u{\(String(scalar.value, radix: 16))}"
      default: String(scalar)
      }
    }.joined()
    return text.isEmpty ? "''" : text
  }

  package static func quoted(_ name: ByteText) -> String { quoted(name.string) }

  static func decode<Answer: Decodable>(
    _ data: Data, _ server: ServerAddress, as: Answer.Type = Answer.self
  ) throws(ClientError) -> Answer {
    do { return try decoder.decode(Answer.self, from: data) } catch {
      throw .refused(
        "\(server.listen) sent an answer that this version of cairn doesn't understand: use the server's version")
    }
  }

  /// What the headers of a file's answer tell.
  static func file(_ name: ByteText, _ headers: HTTPHeaders) throws(ClientError) -> RemoteFile {
    guard let etag = headers.first(name: "etag"), etag.utf8.count > 2,
      etag.utf8.first == UInt8(ascii: "\""), etag.utf8.last == UInt8(ascii: "\""),
      let length = headers.first(name: "content-length").flatMap({ UInt64($0) })
    else { throw .refused("the answer about \(quoted(name)) has no ETag or length: is this a Cairn server?") }
    try check(length, of: name)
    return RemoteFile(
      name: name, size: length,
      checksums: Checksums(etag: etag, sha256: ReprDigest.sha256(headers)),
      contentType: headers.first(name: "content-type") ?? "application/octet-stream",
      lastModified: headers.first(name: "last-modified") ?? "", etag: etag)
  }

  static func uploaded(_ body: Data, _ server: ServerAddress) throws(ClientError) -> UploadedFile {
    try decode(body, server, as: UploadAnswer.self).metadata
  }

  private static var decoder: JSONDecoder {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return decoder
  }
}

extension ClientError {
  init(_ error: HTTPClientError) {
    switch error {
    case .cannotConnect, .timedOut(_, "no connection"): self = .unreachable("\(error)")
    case .timedOut, .cancelled, .closed, .malformed: self = .broken("\(error)")
    case .tooLong: self = .refused("\(error)")
    case .bodyFailed(_, let reason), .invalidRequest(_, let reason): self = .local(reason)
    }
  }
}
