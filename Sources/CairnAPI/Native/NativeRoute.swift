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

  private static let blobPrefix = "/blob/"
  private static let statusSuffix = "/status"
  private static let uploadsPrefix = "/uploads/"
  private static let nodePrefix = "/nodes/"
  private static let drainSuffix = "/drain"
  private static let keysPrefix = "/keys/"

  /// nil for a path that is no route.
  init?(path: Substring) {
    if path.utf8.starts(with: Self.blobPrefix.utf8) {
      let name = path.dropFirst(Self.blobPrefix.count)
      // A name that ends with "/status" is reached with an encoded slash.
      if name.hasSuffix(Self.statusSuffix), name.count > Self.statusSuffix.count {
        self = .blobStatus(name.dropLast(Self.statusSuffix.count))
      } else {
        self = .blob(name)
      }
      return
    }
    if path.hasPrefix(Self.nodePrefix), path.count > Self.nodePrefix.count {
      let id = path.dropFirst(Self.nodePrefix.count)
      let isDrain = id.hasSuffix(Self.drainSuffix)
      self = isDrain ? .nodeDrain(id.dropLast(Self.drainSuffix.count)) : .node(id)
      return
    }
    if path.hasPrefix(Self.keysPrefix), path.count > Self.keysPrefix.count {
      self = .accessKey(path.dropFirst(Self.keysPrefix.count))
      return
    }
    if path.hasPrefix(Self.uploadsPrefix), path.count > Self.uploadsPrefix.count {
      let words = path.dropFirst(Self.uploadsPrefix.count).split(separator: "/", omittingEmptySubsequences: false)
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
    default: return nil
    }
  }

  var methods: [HTTPMethod] {
    switch self {
    case .upload, .uploads, .completion: [.POST]
    case .partialUpload: [.GET, .HEAD, .DELETE]
    case .part: [.PUT]
    case .blob: [.GET, .HEAD, .PUT, .DELETE]
    case .node: [.GET, .HEAD, .DELETE]
    case .nodeDrain: [.POST, .DELETE]
    case .accessKeys: [.GET, .HEAD, .POST]
    case .accessKey: [.PATCH, .DELETE]
    case .gc, .scrub: [.POST]
    case .blobStatus, .blobs, .nodes, .status, .health, .ready: [.GET, .HEAD]
    }
  }
}

extension NativeRoute {
  /// Decodes a name from a path.
  static func key(_ encoded: Substring) throws(APIError) -> ObjectKey {
    guard let bytes = PercentCoding.decode(encoded) else {
      throw APIError(.badRequest, "The name in the path has a '%' that is not followed by two hexadecimal digits")
    }
    do throws(InvalidName) { return try ObjectKey(utf8: bytes) } catch { throw APIError(error) }
  }
}
