import ArgumentParser

/// Options that set a setting each; their values come before the environment's.
protocol SettingOptions: ParsableArguments {
  /// Values by the names of their settings.
  var flags: [String: String?] { get }
}

struct ProcessOptions: SettingOptions {
  @Option(help: "Address to listen on. [HOST, default 127.0.0.1]")
  var host: String?
  @Option(help: "Port to listen on. [PORT, default 8000; node: 8001]")
  var port: String?
  @Option(help: "Seconds for a request's headers to arrive. [REQUEST_TIMEOUT, default 30]")
  var requestTimeout: String?
  @Option(help: "Seconds without any byte after which a connection is closed. [IDLE_TIMEOUT, default 60]")
  var idleTimeout: String?
  @Option(help: "Bytes a second at which a body must come at least; 0 for any. [MIN_UPLOAD_RATE, default 1K]")
  var minUploadRate: String?
  @Option(help: "Connections at the same time. [MAX_CONNECTIONS, default 8192]")
  var maxConnections: String?
  @Option(help: "Seconds that transfers get to finish when the process stops. [SHUTDOWN_GRACE, default 30]")
  var shutdownGrace: String?
  @Option(help: "Threads for connections, 0 for one per processor. [EVENT_LOOPS, default 0]")
  var eventLoops: String?
  @Option(help: "trace, debug, info, notice, warning, error or critical. [LOG_LEVEL, default info]")
  var logLevel: String?
  @Flag(help: "Log at debug. [DEBUG]")
  var debug = false

  var flags: [String: String?] {
    [
      Settings.host.name: host, Settings.port.name: port, Settings.requestTimeout.name: requestTimeout,
      Settings.idleTimeout.name: idleTimeout, Settings.uploadRateMin.name: minUploadRate,
      Settings.connectionsMax.name: maxConnections, Settings.shutdownGrace.name: shutdownGrace,
      Settings.eventLoops.name: eventLoops,
      Settings.logLevel.name: logLevel, Settings.debug.name: debug ? "1" : nil,
    ]
  }
}

struct StorageOptions: SettingOptions {
  @Option(help: "Directory for blobs and the catalog. [BASE_STORAGE_PATH, default /data]")
  var baseStoragePath: String?
  @Option(help: "sync: on disk before the answer; async: soon after. [DURABILITY, default sync]")
  var durability: String?
  @Option(help: "Free bytes below which the node takes no more data. [MIN_FREE_SPACE, default 1G]")
  var minFreeSpace: String?
  @Option(help: "Bytes of a volume. [VOLUME_SIZE, default 1G]")
  var volumeSize: String?
  @Option(help: "Entries in any directory of the storage path. [MAX_ENTRIES_PER_DIRECTORY, default 36]")
  var maxEntriesPerDirectory: String?
  @Option(help: "Seconds that deleted bytes stay readable for downloads under way. [GARBAGE_GRACE, default 3600]")
  var garbageGrace: String?
  @Option(help: "Bytes a second that are read to look for damage, 0 for never. [SCRUB_RATE, default 5M]")
  var scrubRate: String?

  var flags: [String: String?] {
    [
      Settings.basePath.name: baseStoragePath, Settings.durability.name: durability,
      Settings.freeSpaceMin.name: minFreeSpace, Settings.volumeSize.name: volumeSize,
      Settings.directoryEntriesMax.name: maxEntriesPerDirectory, Settings.garbageGrace.name: garbageGrace,
      Settings.scrubRate.name: scrubRate,
    ]
  }
}

struct UploadOptions: SettingOptions {
  @Option(help: "Bytes of the largest file. [MAX_UPLOAD_SIZE, default 4T]")
  var maxUploadSize: String?
  @Option(help: "Memory that all uploads together may hold. [UPLOAD_MEMORY, default 512M]")
  var uploadMemory: String?
  @Option(help: "Seconds after which an unfinished upload in parts goes. [MULTIPART_EXPIRY, default 604800]")
  var multipartExpiry: String?

  var flags: [String: String?] {
    [
      Settings.uploadSizeMax.name: maxUploadSize, Settings.uploadMemory.name: uploadMemory,
      Settings.multipartExpiry.name: multipartExpiry,
    ]
  }
}

struct S3Options: SettingOptions {
  @Option(name: .customLong("s3-port"), help: "Port for S3 clients, or off. [S3_PORT, default 9000]")
  var s3Port: String?
  @Option(
    name: .customLong("s3-domain"),
    help: "Domain whose sub-domains are buckets; without one they are only in paths. [S3_DOMAIN]")
  var s3Domain: String?
  @Option(name: .customLong("s3-region"), help: "Region that S3 clients are told. [S3_REGION, default us-east-1]")
  var s3Region: String?

  var flags: [String: String?] {
    [Settings.s3Port.name: s3Port, Settings.s3Domain.name: s3Domain, Settings.s3Region.name: s3Region]
  }
}

struct AccessOptions: SettingOptions {
  @Option(help: "required: the native API asks for an access key too; off: it doesn't. [AUTH, default off]")
  var auth: String?
  @Flag(help: "Whoever has no access key may do everything, also from other machines. [ALLOW_ANONYMOUS]")
  var allowAnonymous = false
  @Option(help: "Names besides IP addresses and localhost that a server without keys answers to. [ALLOWED_HOSTS]")
  var allowedHosts: String?
  @Option(help: "Id of an access key that may do everything. [ACCESS_KEY]")
  var accessKey: String?
  @Option(help: "Secret of that key; better in the environment, where others don't see it. [SECRET_KEY]")
  var secretKey: String?

  var flags: [String: String?] {
    [
      Settings.access.name: auth, Settings.allowAnonymous.name: allowAnonymous ? "1" : nil,
      Settings.allowedHosts.name: allowedHosts, Settings.accessKey.name: accessKey, Settings.secretKey.name: secretKey,
    ]
  }
}

struct MembershipOptions: SettingOptions {
  @Option(help: "Seconds between heartbeats. [NODE_HEARTBEAT_INTERVAL, default 30]")
  var nodeHeartbeatInterval: String?
  @Option(help: "Seconds without a heartbeat after which a node counts as dead. [NODE_TIMEOUT, default 90]")
  var nodeTimeout: String?

  var flags: [String: String?] {
    [Settings.heartbeatInterval.name: nodeHeartbeatInterval, Settings.nodeTimeout.name: nodeTimeout]
  }
}

struct ClusterOptions: SettingOptions {
  @Option(help: "Dapr component file that says where the catalog's database is. [STATE_STORE_COMPONENT]")
  var stateStoreComponent: String?
  @Option(help: "Redis's host. [REDIS_HOST, default redis]")
  var redisHost: String?
  @Option(help: "Redis's port. [REDIS_PORT, default 6379]")
  var redisPort: String?
  @Option(help: "Redis's Unix socket, instead of host and port. [REDIS_SOCKET]")
  var redisSocket: String?
  @Option(help: "Redis's user name. [REDIS_USERNAME]")
  var redisUsername: String?
  @Option(help: "Redis's password; better in the environment, where others don't see it. [REDIS_PASSWORD]")
  var redisPassword: String?
  @Option(help: "Redis's database number. [REDIS_DB, default 0]")
  var redisDb: String?
  @Option(
    help: """
      Secret that coordinators and nodes share: what `cairn secret` prints. Better in the environment, where others \
      don't see it. [CLUSTER_SECRET]
      """)
  var clusterSecret: String?

  var flags: [String: String?] {
    [
      Settings.stateStoreComponent.name: stateStoreComponent, Settings.redisHost.name: redisHost,
      Settings.redisPort.name: redisPort, Settings.redisSocket.name: redisSocket,
      Settings.redisUsername.name: redisUsername, Settings.redisPassword.name: redisPassword,
      Settings.redisDatabase.name: redisDb, Settings.clusterSecret.name: clusterSecret,
    ]
  }
}

struct PlacementOptions: SettingOptions {
  @Option(help: "balanced, random, least-blobs or consistent-hash. [PLACEMENT_POLICY, default balanced]")
  var placementPolicy: String?

  var flags: [String: String?] { [Settings.placementPolicy.name: placementPolicy] }
}

struct ReplicationOptions: SettingOptions {
  @Option(help: "Copies of every file, each on another node. [REPLICATION_FACTOR, default 3; server: 1]")
  var replicationFactor: String?
  @Option(help: "Copies without which an upload is refused. [MIN_REPLICAS, default a majority of REPLICATION_FACTOR]")
  var minReplicas: String?
  @Option(help: "sync: all copies before the answer; async: one, the rest soon after. [REPLICATION_MODE, default sync]")
  var replicationMode: String?
  @Option(help: "Seconds that a silent node gets to come back before it is replaced. [REPAIR_DELAY, default 600]")
  var repairDelay: String?
  @Option(help: "Bytes a second that repairs may copy. [REPAIR_BANDWIDTH, default 64M]")
  var repairBandwidth: String?
  @Option(help: "Seconds before a replica that the catalog doesn't know is deleted. [ORPHAN_AGE, default 86400]")
  var orphanAge: String?
  @Option(help: "on: this process does repair work; off: others do. [REPLICATOR, default on]")
  var replicator: String?

  var flags: [String: String?] {
    [
      Settings.replicationFactor.name: replicationFactor, Settings.replicasMin.name: minReplicas,
      Settings.replicationMode.name: replicationMode, Settings.repairDelay.name: repairDelay,
      Settings.repairBandwidth.name: repairBandwidth,
      Settings.orphanAge.name: orphanAge, Settings.replicator.name: replicator,
    ]
  }
}

struct CoordinatorOptions: SettingOptions {
  @Option(help: "Seconds for a node to answer. [NODE_WRITE_DEADLINE, default 5]")
  var nodeWriteDeadline: String?

  var flags: [String: String?] { [Settings.writeDeadline.name: nodeWriteDeadline] }
}

struct ZoneOptions: SettingOptions {
  @Option(
    help:
      "Where the process stands: replicas are in different zones, and read in the same. [NODE_ZONE; node: 'default']")
  var nodeZone: String?

  var flags: [String: String?] { [Settings.zone.name: nodeZone] }
}

struct NodeOptions: SettingOptions {
  @Option(help: "Host at which coordinators reach this node. [ADVERTISE_HOST, default HOST or the machine's name]")
  var advertiseHost: String?
  @Flag(help: "Listen on other addresses than loopback without a CLUSTER_SECRET. [ALLOW_INSECURE_CLUSTER]")
  var allowInsecureCluster = false

  var flags: [String: String?] {
    [
      Settings.advertiseHost.name: advertiseHost,
      Settings.allowInsecureCluster.name: allowInsecureCluster ? "1" : nil,
    ]
  }
}

struct PeerOptions: SettingOptions {
  @Flag(help: "Be one of several equal machines that share a catalog in Redis. [PEERS]")
  var peers = false
  @Option(help: "Port at which the peers reach this machine's storage node. [NODE_PORT, default 8001]")
  var nodePort: String?

  var flags: [String: String?] {
    [Settings.peers.name: peers ? "1" : nil, Settings.peerNodePort.name: nodePort]
  }
}
