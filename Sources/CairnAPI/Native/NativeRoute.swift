internal import CairnHTTP
internal import CairnModel
internal import NIOHTTP1

/// The routes of the native API.
enum NativeRoute: Hashable {
  case upload
  /// The name as it stands in the path, percent-encoded.
  case blob(Substring)
  case blobStatus(Substring)
  case blobs
  case uploads
  /// The id as it stands in the path.
  case partialUpload(Substring)
  case completion(of: Substring)
  case part(of: Substring, number: Substring)
  case nodes
  /// The id as it stands in the path.
  case node(Substring)
  case nodeDrain(Substring)
  case accessKeys
  /// The id as it stands in the path.
  case accessKey(Substring)
  case status
  case gc
  case scrub
  case health
  case ready
  case description
  // Checksum
  case download
  case test
  // Files
  case files
  /// The name as it stands in the path, percent-encoded.
  case file(Substring)
  // KeyValue
  case store
  /// The key as it stands in the path, percent-encoded.
  case retrieve(Substring)

  private static let blobPrefix = "/blob/"
  private static let statusSuffix = "/status"
  private static let uploadsPrefix = "/uploads/"
  private static let nodePrefix = "/nodes/"
  private static let filePrefix = "/file/"
  private static let retrievePrefix = "/retrieve/"
  private static let drainSuffix = "/drain"
  private static let keysPrefix = "/keys/"

  /// nil for a path that is no route.
  init?(path: Substring) {
    if let name = path.after(Self.blobPrefix) {
      // A name that ends with "/status" is reached with an encoded slash.
      if let blob = name.before(Self.statusSuffix), !blob.isEmpty {
        self = .blobStatus(blob)
      } else {
        self = .blob(name)
      }
      return
    }
    if let name = path.after(Self.filePrefix), !name.isEmpty {
      self = .file(name)
      return
    }
    if let key = path.after(Self.retrievePrefix) {
      self = .retrieve(key)
      return
    }
    if let id = path.after(Self.nodePrefix), !id.isEmpty {
      self = id.before(Self.drainSuffix).map { .nodeDrain($0) } ?? .node(id)
      return
    }
    if let id = path.after(Self.keysPrefix), !id.isEmpty {
      self = .accessKey(id)
      return
    }
    if let rest = path.after(Self.uploadsPrefix), !rest.isEmpty {
      let words = rest.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map(Substring.init)
      switch words.count {
      case 1: self = .partialUpload(words[0])
      case 2: self = words[1] == "complete" ? .completion(of: words[0]) : .part(of: words[0], number: words[1])
      default: return nil
      }
      return
    }
    switch path {
    case "/uploads": self = .uploads
    case "/upload", "/upload/": self = .upload
    case "/blobs", "/blobs/": self = .blobs
    case "/nodes", "/nodes/": self = .nodes
    case "/keys", "/keys/": self = .accessKeys
    case "/status", "/status/": self = .status
    case "/gc": self = .gc
    case "/scrub": self = .scrub
    case "/health": self = .health
    case "/ready": self = .ready
    case "/openapi.json": self = .description
    case "/download", "/download/": self = .download
    case "/test", "/test/": self = .test
    case "/file", "/file/": self = .files
    case "/store", "/store/": self = .store
    default: return nil
    }
  }

  var methods: [HTTPMethod] {
    switch self {
    case .upload, .uploads, .completion, .files, .store: [.POST]
    case .partialUpload: [.GET, .HEAD, .DELETE]
    case .part: [.PUT]
    case .blob: [.GET, .HEAD, .PUT, .DELETE]
    case .node, .file: [.GET, .HEAD, .DELETE]
    case .nodeDrain: [.POST, .DELETE]
    case .accessKeys: [.GET, .HEAD, .POST]
    case .accessKey: [.PATCH, .DELETE]
    case .gc, .scrub: [.POST]
    case .blobStatus, .blobs, .nodes, .status, .health, .ready, .description, .download, .test, .retrieve:
      [.GET, .HEAD]
    }
  }

  /// An error as the clients of the route read it.
  func told(_ error: APIError) -> APIError {
    // What has a form of its own was thrown by somebody who knows more.
    guard error.form == .detail else { return error }
    switch self {
    case .download, .test: return error.told(as: .message)
    case .files, .file: return FileFailure(error).telling(error)
    default: return error
    }
  }
}

extension Substring {
  /// What follows `prefix`; nil where it does not begin with it. By bytes: a path may go on with a combining mark.
  fileprivate func after(_ prefix: String) -> Substring? {
    guard utf8.starts(with: prefix.utf8) else { return nil }
    return Substring(utf8.dropFirst(prefix.utf8.count))
  }

  /// What stands before `suffix`; nil where it does not end with it.
  fileprivate func before(_ suffix: String) -> Substring? {
    guard utf8.count >= suffix.utf8.count, utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) else { return nil }
    return Substring(utf8.dropLast(suffix.utf8.count))
  }
}

extension NativeRoute {
  /// Decodes a name from a path.
  static func key(_ encoded: Substring) throws(APIError) -> ObjectKey {
    guard let bytes = PercentCoding.decode(encoded) else {
      throw APIError(.badRequest, "The name in the path has a '%' that is not followed by two hexadecimal digits")
    }
    do throws(InvalidName) {
      guard let text = PercentCoding.text(of: bytes) else { throw .keyEncoding }
      return try ObjectKey(text)
    } catch { throw APIError(error) }
  }
}
