import ArgumentParser

/// A command that runs until it is told to stop.
protocol RoleCommand: AsyncParsableCommand {
  associatedtype Configuration
  /// The name in log lines and in `/health`.
  static var role: String { get }
  var options: [any SettingOptions] { get }
  static func configuration(_ reader: inout SettingReader) throws(ConfigurationError) -> Configuration
  static func process(of configuration: Configuration) -> ProcessConfiguration
  static func run(_ configuration: Configuration, _ process: RoleProcess) async throws
}

extension RoleCommand {
  func run() async throws {
    var reader = SettingReader.current(options)
    let configuration: Configuration
    do throws(ConfigurationError) {
      configuration = try Self.configuration(&reader)
    } catch {
      throw ValidationError("\(error)")
    }
    try await RoleProcess.run(Self.role, Self.process(of: configuration)) { process in
      try await Self.run(configuration, process)
    }
  }
}

struct Server: RoleCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run everything in one process: coordinator, storage node and catalog.",
    discussion: """
      Serves HTTP on 127.0.0.1:8000 and keeps all data under BASE_STORAGE_PATH.
      With --peers it is one of several equal machines that share a catalog in Redis: any of them takes any request.
      """)
  static let role = "server"

  @OptionGroup(title: "Process") var process: ProcessOptions
  @OptionGroup(title: "Storage") var storage: StorageOptions
  @OptionGroup(title: "Uploads") var uploads: UploadOptions
  @OptionGroup(title: "S3") var s3: S3Options
  @OptionGroup(title: "Access") var access: AccessOptions
  @OptionGroup(title: "Peers") var peers: PeerOptions
  @OptionGroup(title: "Cluster") var cluster: ClusterOptions
  @OptionGroup(title: "Coordinator") var coordinator: CoordinatorOptions
  @OptionGroup(title: "Node") var node: NodeOptions
  @OptionGroup(title: "Zone") var zone: ZoneOptions
  @OptionGroup(title: "Membership") var membership: MembershipOptions
  @OptionGroup(title: "Placement") var placement: PlacementOptions
  @OptionGroup(title: "Replication") var replication: ReplicationOptions

  var options: [any SettingOptions] {
    [
      process, storage, uploads, s3, access, peers, cluster, coordinator, node, zone, membership, placement,
      replication,
    ]
  }

  static func configuration(_ reader: inout SettingReader) throws(ConfigurationError) -> ServerMode {
    try ServerMode(&reader)
  }

  static func process(of configuration: ServerMode) -> ProcessConfiguration { configuration.process }

  static func run(_ configuration: ServerMode, _ process: RoleProcess) async throws {
    switch configuration {
    case .alone(let configuration): try await ServerRole(configuration, process).run()
    case .peer(let configuration): try await PeerRole(configuration, process).run()
    }
  }
}

struct Coordinator: RoleCommand {
  static let configuration = CommandConfiguration(
    abstract: "Take client requests, and place and stream blobs. Keeps no state; run as many as you like.")
  static let role = "coordinator"

  @OptionGroup(title: "Process") var process: ProcessOptions
  @OptionGroup(title: "Cluster") var cluster: ClusterOptions
  @OptionGroup(title: "Coordinator") var coordinator: CoordinatorOptions
  @OptionGroup(title: "Zone") var zone: ZoneOptions
  @OptionGroup(title: "Uploads") var uploads: UploadOptions
  @OptionGroup(title: "S3") var s3: S3Options
  @OptionGroup(title: "Access") var access: AccessOptions
  @OptionGroup(title: "Membership") var membership: MembershipOptions
  @OptionGroup(title: "Placement") var placement: PlacementOptions
  @OptionGroup(title: "Replication") var replication: ReplicationOptions

  var options: [any SettingOptions] {
    [process, cluster, coordinator, zone, uploads, s3, access, membership, placement, replication]
  }

  static func configuration(_ reader: inout SettingReader) throws(ConfigurationError) -> CoordinatorConfiguration {
    try CoordinatorConfiguration(&reader)
  }

  static func process(of configuration: CoordinatorConfiguration) -> ProcessConfiguration { configuration.process }

  static func run(_ configuration: CoordinatorConfiguration, _ process: RoleProcess) async throws {
    try await CoordinatorRole(configuration, process).run()
  }
}

struct Node: RoleCommand {
  static let configuration = CommandConfiguration(
    abstract: "Keep blobs under BASE_STORAGE_PATH, and send heartbeats.")
  static let role = "node"

  @OptionGroup(title: "Process") var process: ProcessOptions
  @OptionGroup(title: "Storage") var storage: StorageOptions
  @OptionGroup(title: "Cluster") var cluster: ClusterOptions
  @OptionGroup(title: "Node") var node: NodeOptions
  @OptionGroup(title: "Zone") var zone: ZoneOptions
  @OptionGroup(title: "Membership") var membership: MembershipOptions

  var options: [any SettingOptions] { [process, storage, cluster, node, zone, membership] }

  static func configuration(_ reader: inout SettingReader) throws(ConfigurationError) -> NodeConfiguration {
    try NodeConfiguration(&reader)
  }

  static func process(of configuration: NodeConfiguration) -> ProcessConfiguration { configuration.process }

  static func run(_ configuration: NodeConfiguration, _ process: RoleProcess) async throws {
    try await NodeRole(configuration, process).run()
  }
}
