internal import CairnModel

/// The paths of the native API, as its description writes them.
enum RouteTemplate: String, CaseIterable {
  case upload = "/upload"
  case blob = "/blob/{file_name}"
  case blobStatus = "/blob/{file_name}/status"
  case blobs = "/blobs"
  case uploads = "/uploads"
  case partialUpload = "/uploads/{upload_id}"
  case completion = "/uploads/{upload_id}/complete"
  case part = "/uploads/{upload_id}/{number}"
  case nodes = "/nodes"
  case node = "/nodes/{node_id}"
  case nodeDrain = "/nodes/{node_id}/drain"
  case accessKeys = "/keys"
  case accessKey = "/keys/{key_id}"
  case status = "/status"
  case gc = "/gc"
  case scrub = "/scrub"
  case health = "/health"
  case ready = "/ready"
  case description = "/openapi.json"
  case download = "/download"
  case test = "/test"
  case files = "/file"
  case file = "/file/{filename}"
  case store = "/store"
  case retrieve = "/retrieve/{key}"

  /// What can be asked of it, without `HEAD`.
  var operations: [Operation] {
    switch self {
    case .upload: [.upload]
    case .blob: [.getBlob, .putBlob, .deleteBlob]
    case .blobStatus: [.blobStatus]
    case .blobs: [.listBlobs]
    case .uploads: [.beginUpload]
    case .partialUpload: [.getUpload, .abandonUpload]
    case .completion: [.completeUpload]
    case .part: [.putPart]
    case .nodes: [.nodes]
    case .node: [.getNode, .forgetNode]
    case .nodeDrain: [.drainNode, .undrainNode]
    case .accessKeys: [.listKeys, .createKey]
    case .accessKey: [.changeKey, .removeKey]
    case .status: [.clusterStatus]
    case .gc: [.collectGarbage]
    case .scrub: [.scrub]
    case .health: [.health]
    case .ready: [.ready]
    case .description: [.description]
    case .download: [.download]
    case .test: [.test]
    case .files: [.postFile]
    case .file: [.getFile, .deleteFile]
    case .store: [.store]
    case .retrieve: [.retrieve]
    }
  }

  /// Under which heading it is shown.
  var family: String {
    switch self {
    case .upload, .blob, .blobStatus, .blobs: "blobs"
    case .uploads, .partialUpload, .completion, .part: "uploads in parts"
    case .nodes, .node, .nodeDrain, .status, .gc, .scrub: "cluster"
    case .accessKeys, .accessKey: "access keys"
    case .health, .ready, .description: "server"
    case .download, .test: "checksum"
    case .files, .file: "files"
    case .store, .retrieve: "key–value"
    }
  }

  /// What stands between braces.
  var parameters: [Operation.Parameter] {
    ByteText(rawValue).components.map(\.string).filter { $0.first == "{" }.map { word in
      let name = String(word.dropFirst().dropLast())
      return switch name {
      case "upload_id": .path(name, .named(.blobID), "An upload's id, as its beginning told it.")
      case "node_id": .path(name, .named(.nodeID), "A node's id.")
      case "key_id": .path(name, .named(.accessKeyID), "An access key's id.")
      case "number": .path(name, .partNumber, "The part's place among the parts.")
      case "key": .path(name, .named(.objectName), "The key.")
      default: .path(name, .named(.objectName), "A file's name, or the id of its blob.")
      }
    }
  }
}

extension NativeRoute {
  var template: RouteTemplate {
    switch self {
    case .upload: .upload
    case .blob: .blob
    case .blobStatus: .blobStatus
    case .blobs: .blobs
    case .uploads: .uploads
    case .partialUpload: .partialUpload
    case .completion: .completion
    case .part: .part
    case .nodes: .nodes
    case .node: .node
    case .nodeDrain: .nodeDrain
    case .accessKeys: .accessKeys
    case .accessKey: .accessKey
    case .status: .status
    case .gc: .gc
    case .scrub: .scrub
    case .health: .health
    case .ready: .ready
    case .description: .description
    case .download: .download
    case .test: .test
    case .files: .files
    case .file: .file
    case .store: .store
    case .retrieve: .retrieve
    }
  }
}
