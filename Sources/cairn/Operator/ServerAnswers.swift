/// What `GET /status` answers.
struct StatusAnswer: Decodable, Hashable {
  struct Volumes: Decodable, Hashable {
    var total: Int
    var open: Int
    var sealed: Int
    var healthy: Int
    var underReplicated: Int
    var atRisk: Int
    var unavailable: Int
  }

  struct Repair: Decodable, Hashable {
    var waiting: Int
    var running: Int
    var retrying: Int
    var tasks: [Task]
  }

  struct Task: Decodable, Hashable {
    var key: String
    var kind: String
    var state: String
    var worker: String?
    var attempts: Int
    var lastError: String?
    var done: UInt64?
    var total: UInt64?
    var rate: UInt64?
    var etaSeconds: UInt64?
    var since: String
  }

  var nodes: [NodeAnswer]
  var volumes: Volumes
  var repair: Repair
}

/// A node in `GET /status`, and what `GET /nodes/{id}` answers.
struct NodeAnswer: Decodable, Hashable {
  var nodeId: String
  var address: String
  var port: Int
  var zone: String
  var status: String
  var lastHeartbeat: String
  var capacity: UInt64
  var available: UInt64
  var volumeCount: Int
  var blobCount: UInt64
  /// Damage that is known and not repaired; not in the list of nodes.
  var damagedCount: UInt64?
  /// Why it is not used, where the server knows.
  var detail: String?
  /// Volumes in whose lists it is; not in a status.
  var volumes: Int?
  /// Only of a draining node.
  var volumesLeft: Int?
  /// So many other nodes must take data before it can become empty.
  var nodesMissing: Int?
  var mayBeSwitchedOff: Bool?
}

/// What `GET /nodes` answers.
struct NodesAnswer: Decodable, Hashable {
  struct Node: Decodable, Hashable {
    var nodeId: String
    var address: String
    var listenPort: Int
    var zone: String
    var status: String
    var lastHeartbeat: String
    var capacity: UInt64
    var availableSpace: UInt64
    var volumeCount: Int
    var blobCount: UInt64
    /// Why it is not used, where the server knows.
    var detail: String?
  }

  var activeNodes: [Node]
  var inactiveNodes: [Node]

  var all: [Node] { (activeNodes + inactiveNodes).sorted { $0.nodeId < $1.nodeId } }
}

/// What every refusal is.
struct ErrorAnswer: Decodable, Hashable {
  var detail: String
}
