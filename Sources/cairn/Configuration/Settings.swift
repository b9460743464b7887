import CairnCluster
import CairnObjects
import CairnStorage
import Logging

/// Whether something runs.
enum Switch: String, CaseIterable, Sendable {
  case on, off
}

/// Where S3 clients connect.
enum S3Port: Hashable, Sendable {
  case off
  /// 0 for any free one.
  case port(Int)
}

/// Every setting there is, in the order of the README's table.
enum Settings {
  // Listening
  static let host = Setting.text("HOST", default: "127.0.0.1", "a host name or IP address to listen on")
  static let port = Setting.integer("PORT", default: 8000, 0...65535)
  static let s3Port = Setting<S3Port>(
    name: "S3_PORT", fallback: "9000", allowed: "a number from 0 to 65535, or off",
    parse: { $0.lowercased() == "off" ? .off : UInt16($0).map { .port(Int($0)) } })
  static let s3Domain = Setting.text(
    "S3_DOMAIN", "the domain whose sub-domains are buckets, such as s3.example.org")
  static let s3Region = Setting.text("S3_REGION", default: "us-east-1", "the name of a region")
  static let access = Setting<AccessMode>.choice("AUTH", default: .off)
  static let allowAnonymous = Setting.flag("ALLOW_ANONYMOUS")
  static let allowedHosts = Setting<[String]>(
    name: "ALLOWED_HOSTS", fallback: nil, allowed: "host names without a port, with commas between them",
    parse: HostNames.parse)
  static let accessKey = Setting<String>(
    name: "ACCESS_KEY", fallback: nil, allowed: AccessKey.idAllowed,
    parse: { AccessKey.isAllowed(id: $0) ? $0 : nil })
  static let secretKey = Setting<String>(
    name: "SECRET_KEY", fallback: nil, allowed: AccessKey.secretAllowed, isSecret: true,
    parse: { AccessKey.isAllowed(secret: $0) ? $0 : nil })
  static let nodePort = Setting.integer("PORT", default: 8001, 0...65535)
  static let replicatorPort = Setting.integer("PORT", default: 8002, 0...65535)
  static let peers = Setting.flag("PEERS")
  static let peerNodePort = Setting.integer("NODE_PORT", default: 8001, 0...65535)
  static let advertiseHost = Setting.text(
    "ADVERTISE_HOST", "the host name or IP address at which coordinators reach this node")

  // Storage
  static let basePath = Setting.text("BASE_STORAGE_PATH", default: "/data", "a directory")
  static let durability = Setting<StorageConfiguration.Durability>.choice("DURABILITY", default: .sync)
  static let freeSpaceMin = Setting.bytes("MIN_FREE_SPACE", default: "1G", 0...(1 << 50))
  static let volumeSize = Setting.bytes(
    "VOLUME_SIZE", default: "1G", (32 << 20)...StorageConfiguration.volumeSizeAllowed.upperBound)
  static let directoryEntriesMax = Setting.integer(
    "MAX_ENTRIES_PER_DIRECTORY", default: 36, StorageConfiguration.directoryEntriesAllowed)
  static let garbageGrace = Setting.seconds("GARBAGE_GRACE", default: "3600", 0...31_536_000)
  static let scrubRate = Setting.bytes("SCRUB_RATE", default: "5M", 0...(1 << 40))

  // Cluster
  static let stateStoreComponent = Setting.text(
    "STATE_STORE_COMPONENT", "a Dapr component file that says where the catalog's database is")
  static let redisHost = Setting.text("REDIS_HOST", default: "redis", "a host name or IP address")
  static let redisPort = Setting.integer("REDIS_PORT", default: 6379, 1...65535)
  static let redisSocket = Setting.text("REDIS_SOCKET", "the path of a Unix socket, instead of host and port")
  static let redisUsername = Setting.text("REDIS_USERNAME", "a user name of Redis's ACL")
  static let redisPassword = Setting.text("REDIS_PASSWORD", "a password", secret: true)
  static let redisDatabase = Setting.integer("REDIS_DB", default: 0, 0...1_000_000)
  static let heartbeatInterval = Setting.seconds("NODE_HEARTBEAT_INTERVAL", default: "30", 0.05...3600)
  static let nodeTimeout = Setting.seconds("NODE_TIMEOUT", default: "90", 0.1...86400)
  static let writeDeadline = Setting.seconds("NODE_WRITE_DEADLINE", default: "5", 0.1...3600)
  static let replicationFactor = Setting.integer("REPLICATION_FACTOR", default: 3, 1...ReplicationPolicy.replicasMax)
  static let serverReplicationFactor = Setting.integer(
    "REPLICATION_FACTOR", default: 1, 1...ReplicationPolicy.replicasMax)
  static let replicasMin = Setting<Int>(
    name: "MIN_REPLICAS", fallback: nil, allowed: "a number from 1 to REPLICATION_FACTOR",
    parse: { Int($0).flatMap { (1...ReplicationPolicy.replicasMax).contains($0) ? $0 : nil } })
  static let replicationMode = Setting<ReplicationMode>.choice("REPLICATION_MODE", default: .sync)
  static let placementPolicy = Setting<PlacementPolicy>.choice("PLACEMENT_POLICY", default: .balanced)
  static let peerPlacementPolicy = Setting<PlacementPolicy>.choice("PLACEMENT_POLICY", default: .consistentHash)
  static let zone = Setting.text("NODE_ZONE", default: "default", "a name for the place where the node stands")
  static let coordinatorZone = Setting.text(
    "NODE_ZONE", "a name for the place where the coordinator stands: replicas there are read first")
  static let clusterSecret = Setting.text(
    "CLUSTER_SECRET", "what `cairn secret` prints, the same on all coordinators and nodes", secret: true)
  static let allowInsecureCluster = Setting.flag("ALLOW_INSECURE_CLUSTER")

  // Repair
  static let repairDelay = Setting.seconds("REPAIR_DELAY", default: "600", 0.1...31_536_000)
  static let repairBandwidth = Setting.bytes("REPAIR_BANDWIDTH", default: "64M", (64 << 10)...(1 << 40))
  static let orphanAge = Setting.seconds("ORPHAN_AGE", default: "86400", 0.1...31_536_000)
  static let replicator = Setting<Switch>.choice("REPLICATOR", default: .on)

  // Requests
  static let uploadSizeMax = Setting.bytes("MAX_UPLOAD_SIZE", default: "4T", 1...(4 << 40))
  static let uploadMemory = Setting.bytes("UPLOAD_MEMORY", default: "512M", (32 << 20)...(1 << 40))
  static let multipartExpiry = Setting.seconds("MULTIPART_EXPIRY", default: "604800", 0.1...31_536_000)
  static let requestTimeout = Setting.seconds("REQUEST_TIMEOUT", default: "30", 0.1...3600)
  static let idleTimeout = Setting.seconds("IDLE_TIMEOUT", default: "60", 0.1...3600)
  static let uploadRateMin = Setting.bytes("MIN_UPLOAD_RATE", default: "1K", 0...(1 << 30))
  static let connectionsMax = Setting.integer("MAX_CONNECTIONS", default: 8192, 1...1_000_000)
  static let shutdownGrace = Setting.seconds("SHUTDOWN_GRACE", default: "30", 0...86400)
  static let eventLoops = Setting.integer("EVENT_LOOPS", default: 0, 0...1024)

  // Logs
  static let logLevel = Setting<Logger.Level>.choice("LOG_LEVEL", default: .info)
  static let debug = Setting.flag("DEBUG")
}
