import CairnCatalog
import CairnCluster
import CairnHTTP
import CairnCluster
import CairnModel
import CairnS3
import CairnStorage
import Logging
import NIOCore

/// What every long-running role needs to know.
struct ProcessConfiguration {
  var listen: ListenAddress
  var limits: HTTPServerLimits
  var shutdownGrace: Duration
  /// 0 for one per processor.
  var eventLoops: Int
  var logLevel: Logger.Level

  init(
    _ reader: inout SettingReader, port: Setting<Int> = Settings.port
  ) throws(ConfigurationError) {
    listen = ListenAddress(host: try reader.read(Settings.host), port: try reader.read(port))
    limits = HTTPServerLimits()
    limits.requestTimeout = TimeAmount(try reader.read(Settings.requestTimeout))
    limits.idleTimeout = TimeAmount(try reader.read(Settings.idleTimeout))
    limits.uploadRateMin = Int(clamping: try reader.read(Settings.uploadRateMin))
    limits.connectionsMax = try reader.read(Settings.connectionsMax)
    shutdownGrace = try reader.read(Settings.shutdownGrace)
    eventLoops = try reader.read(Settings.eventLoops)
    let level = try reader.read(Settings.logLevel)
    logLevel = try reader.read(Settings.debug) ? min(level, .debug) : level
  }

  /// For commands whose progress is what is of interest on standard error.
  mutating func leaveRoomForProgress() {
    if logLevel == .info { logLevel = .warning }
  }
}

/// How objects are taken in.
struct UploadConfiguration {
  /// Bytes of the largest object.
  var objectSizeMax: UInt64
  /// Bytes that all uploads together may hold.
  var memory: Int
  /// An upload in parts that is not complete after so long is forgotten.
  var multipartExpiry: Duration

  init(_ reader: inout SettingReader) throws(ConfigurationError) {
    multipartExpiry = try reader.read(Settings.multipartExpiry)
    objectSizeMax = try reader.read(Settings.uploadSizeMax)
    memory = Int(clamping: try reader.read(Settings.uploadMemory))
  }
}

/// How S3 clients are served.
struct S3Configuration {
  /// nil where they are not.
  var listen: ListenAddress?
  var settings: S3API.Settings

  /// - Parameter host: that the process listens on.
  init(_ reader: inout SettingReader, host: String) throws(ConfigurationError) {
    if case .port(let port) = try reader.read(Settings.s3Port) { listen = ListenAddress(host: host, port: port) }
    settings = S3API.Settings(
      domain: try reader.readOptional(Settings.s3Domain), region: try reader.read(Settings.s3Region))
  }
}

/// How a node proves that it lives, and how others find it.
struct MembershipConfiguration {
  var heartbeatInterval: Duration
  /// A node is active while its last heartbeat is younger.
  var timeout: Duration

  init(_ reader: inout SettingReader) throws(ConfigurationError) {
    heartbeatInterval = try reader.read(Settings.heartbeatInterval)
    timeout = try reader.read(Settings.nodeTimeout)
    guard timeout > heartbeatInterval else {
      throw .refused(
        "NODE_TIMEOUT (\(timeout)) must be longer than NODE_HEARTBEAT_INTERVAL (\(heartbeatInterval)), or nodes seem dead between two heartbeats"
      )
    }
  }
}

extension RedisConfiguration {
  init(_ reader: inout SettingReader) throws(ConfigurationError) {
    if let component = try reader.stateStore(), component.store != .redis {
      throw .refused(
        "STATE_STORE_COMPONENT: \(component.file), line \(component.line): state.sqlite is a file that one process alone can open; the machines of a cluster share a state.redis"
      )
    }
    let socket = try reader.readOptional(Settings.redisSocket)
    let host = try reader.read(Settings.redisHost)
    let port = try reader.read(Settings.redisPort)
    self.init(address: socket.map { .unixSocket(path: $0) } ?? .host(host, port: port))
    username = try reader.readOptional(Settings.redisUsername)
    password = try reader.readOptional(Settings.redisPassword)
    database = try reader.read(Settings.redisDatabase)
  }
}

extension StorageConfiguration {
  init(_ reader: inout SettingReader) throws(ConfigurationError) {
    self.init(
      path: try reader.read(Settings.basePath), freeSpaceMin: try reader.read(Settings.freeSpaceMin))
    durability = try reader.read(Settings.durability)
    volumeSizeMax = try reader.read(Settings.volumeSize)
    directoryEntriesMax = try reader.read(Settings.directoryEntriesMax)
    garbageGrace = try reader.read(Settings.garbageGrace)
    scrubRate = try reader.read(Settings.scrubRate)
  }
}

extension StorageConfiguration {
  /// Where the SQLite catalog is: in the storage path, unless a component file says otherwise.
  fileprivate func catalogPath(_ reader: inout SettingReader) throws(ConfigurationError) -> String {
    guard case .sqlite(let path) = try reader.stateStore()?.store else { return path + "/catalog.sqlite" }
    return path
  }
}

extension ReplicationPolicy {
  init(_ reader: inout SettingReader, factor setting: Setting<Int>) throws(ConfigurationError) {
    let factor = try reader.read(setting)
    let minimum = try reader.readOptional(Settings.replicasMin)
    guard minimum ?? 1 <= factor else {
      throw .refused(
        "MIN_REPLICAS is \(minimum ?? 0), allowed: a number from 1 to REPLICATION_FACTOR, which is \(factor)")
    }
    self.init(factor: factor, minimum: minimum, mode: try reader.read(Settings.replicationMode))
  }
}

/// How lost replicas are made anew.
struct RepairConfiguration {
  /// For so long a silent node may be starting again; then its replicas are made anew elsewhere.
  var delay: Duration
  /// Bytes a second that all copies of this process together may take.
  var bandwidth: UInt64
  /// A replica that the catalog doesn't know is deleted when it is older.
  var orphanAge: Duration
  /// Whether this process does such work; another one may.
  var isEnabled: Bool

  init(_ reader: inout SettingReader) throws(ConfigurationError) {
    delay = try reader.read(Settings.repairDelay)
    bandwidth = try reader.read(Settings.repairBandwidth)
    orphanAge = try reader.read(Settings.orphanAge)
    isEnabled = try reader.read(Settings.replicator) == .on
  }
}

/// `cairn server`, as the operator wants it.
enum ServerMode {
  /// One machine for itself.
  case alone(ServerConfiguration)
  /// One of several equal machines.
  case peer(PeerConfiguration)

  /// A catalog in Redis makes a peer: others can share it, so this one must be ready for them.
  init(_ reader: inout SettingReader) throws(ConfigurationError) {
    let isPeer = try reader.read(Settings.peers)
    if try reader.stateStore()?.store == .redis || isPeer {
      self = .peer(try PeerConfiguration(&reader))
    } else {
      self = .alone(try ServerConfiguration(&reader))
    }
  }

  var process: ProcessConfiguration {
    switch self {
    case .alone(let configuration): configuration.process
    case .peer(let configuration): configuration.coordinator.process
    }
  }
}

/// `cairn server` for itself.
struct ServerConfiguration {
  var process: ProcessConfiguration
  var s3: S3Configuration
  var access: AccessConfiguration
  var storage: StorageConfiguration
  /// The file of the SQLite catalog.
  var catalogPath: String
  var uploads: UploadConfiguration
  var membership: MembershipConfiguration
  var replication: ReplicationPolicy
  var repair: RepairConfiguration
  var placementPolicy: PlacementPolicy

  init(_ reader: inout SettingReader) throws(ConfigurationError) {
    process = try ProcessConfiguration(&reader)
    s3 = try S3Configuration(&reader, host: process.listen.host)
    access = try AccessConfiguration(&reader, host: process.listen.host)
    storage = try StorageConfiguration(&reader)
    catalogPath = try storage.catalogPath(&reader)
    uploads = try UploadConfiguration(&reader)
    membership = try MembershipConfiguration(&reader)
    replication = try ReplicationPolicy(&reader, factor: Settings.serverReplicationFactor)
    repair = try RepairConfiguration(&reader)
    placementPolicy = try reader.read(Settings.placementPolicy)
  }
}

/// `cairn coordinator`.
struct CoordinatorConfiguration {
  var process: ProcessConfiguration
  var s3: S3Configuration
  var access: AccessConfiguration
  var uploads: UploadConfiguration
  var redis: RedisConfiguration
  var membership: MembershipConfiguration
  var replication: ReplicationPolicy
  var repair: RepairConfiguration
  /// Where the coordinator stands; nil for no preference among replicas.
  var zone: String?
  var writeDeadline: Duration
  var placementPolicy: PlacementPolicy
  /// nil in a cluster without a secret.
  var keys: ClusterKeys?

  init(
    _ reader: inout SettingReader, placement: Setting<PlacementPolicy> = Settings.placementPolicy
  ) throws(ConfigurationError) {
    process = try ProcessConfiguration(&reader)
    s3 = try S3Configuration(&reader, host: process.listen.host)
    access = try AccessConfiguration(&reader, host: process.listen.host)
    uploads = try UploadConfiguration(&reader)
    redis = try RedisConfiguration(&reader)
    membership = try MembershipConfiguration(&reader)
    replication = try ReplicationPolicy(&reader, factor: Settings.replicationFactor)
    repair = try RepairConfiguration(&reader)
    zone = try reader.readOptional(Settings.coordinatorZone)
    writeDeadline = try reader.read(Settings.writeDeadline)
    placementPolicy = try reader.read(placement)
    keys = try reader.clusterKeys()
  }
}

/// `cairn replicator`.
struct ReplicatorConfiguration {
  var process: ProcessConfiguration
  var redis: RedisConfiguration
  var membership: MembershipConfiguration
  var repair: RepairConfiguration
  var placementPolicy: PlacementPolicy
  /// nil in a cluster without a secret.
  var keys: ClusterKeys?

  init(_ reader: inout SettingReader) throws(ConfigurationError) {
    process = try ProcessConfiguration(&reader, port: Settings.replicatorPort)
    redis = try RedisConfiguration(&reader)
    membership = try MembershipConfiguration(&reader)
    repair = try RepairConfiguration(&reader)
    placementPolicy = try reader.read(Settings.placementPolicy)
    keys = try reader.clusterKeys()
  }
}

/// `cairn node`.
struct NodeConfiguration {
  var process: ProcessConfiguration
  var storage: StorageConfiguration
  var redis: RedisConfiguration
  var membership: MembershipConfiguration
  var zone: String
  /// nil for the host that it listens on, or the machine's name when that is a wildcard.
  var advertiseHost: String?
  /// nil in a cluster without a secret.
  var keys: ClusterKeys?

  init(_ reader: inout SettingReader, port: Setting<Int> = Settings.nodePort) throws(ConfigurationError) {
    process = try ProcessConfiguration(&reader, port: port)
    storage = try StorageConfiguration(&reader)
    redis = try RedisConfiguration(&reader)
    membership = try MembershipConfiguration(&reader)
    zone = try reader.read(Settings.zone)
    advertiseHost = try reader.readOptional(Settings.advertiseHost)
    keys = try reader.clusterKeys()
    let insecure = try reader.read(Settings.allowInsecureCluster)
    let host = process.listen.host
    guard keys != nil || insecure || ListenAddress.isLoopback(host) else {
      throw .refused(
        "HOST is '\(host)': without CLUSTER_SECRET anyone who reaches this address can read and write blobs. Set CLUSTER_SECRET on all nodes and coordinators to what `cairn secret` prints, or ALLOW_INSECURE_CLUSTER=1"
      )
    }
  }
}

/// `cairn server --peers`: coordinator and storage node, each with a port of its own.
struct PeerConfiguration {
  var coordinator: CoordinatorConfiguration
  var node: NodeConfiguration

  init(_ reader: inout SettingReader) throws(ConfigurationError) {
    coordinator = try CoordinatorConfiguration(&reader, placement: Settings.peerPlacementPolicy)
    node = try NodeConfiguration(&reader, port: Settings.peerNodePort)
    if let host = node.advertiseHost { coordinator.access.ownNames.append(host) }
    // What stands in the machine's own zone is near, also when nobody names zones.
    coordinator.zone = node.zone
  }
}

/// `cairn recover`.
struct RecoverConfiguration {
  /// Where the catalog is that is to be recovered.
  enum Place {
    case redis(RedisConfiguration, ClusterKeys?)
    /// Of a `cairn server` that does not run, and the file of its catalog.
    case storagePath(StorageConfiguration, catalog: String)
  }

  var process: ProcessConfiguration
  var place: Place
  var membership: MembershipConfiguration
  var replication: ReplicationPolicy
  /// Nodes besides those that are registered.
  var nodes: [ListenAddress] = []
  var isPartial = false
  var isVerification = false
  var printsJSON = false

  init(_ reader: inout SettingReader, isLocal: Bool) throws(ConfigurationError) {
    process = try ProcessConfiguration(&reader)
    process.leaveRoomForProgress()
    membership = try MembershipConfiguration(&reader)
    replication = try ReplicationPolicy(
      &reader, factor: isLocal ? Settings.serverReplicationFactor : Settings.replicationFactor)
    if isLocal {
      let storage = try StorageConfiguration(&reader)
      place = .storagePath(storage, catalog: try storage.catalogPath(&reader))
    } else {
      place = .redis(try RedisConfiguration(&reader), try reader.clusterKeys())
    }
  }
}
