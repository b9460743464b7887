import ArgumentParser

struct ReplicatorCommand: RoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "replicator",
    abstract: "Make the replicas that volumes lack, empty draining nodes, even out the fill. Run as many as you like.")
  static let role = "replicator"

  @OptionGroup(title: "Process") var process: ProcessOptions
  @OptionGroup(title: "Cluster") var cluster: ClusterOptions
  @OptionGroup(title: "Membership") var membership: MembershipOptions
  @OptionGroup(title: "Placement") var placement: PlacementOptions
  @OptionGroup(title: "Repair") var repair: ReplicationOptions

  var options: [any SettingOptions] { [process, cluster, membership, placement, repair] }

  static func configuration(_ reader: inout SettingReader) throws(ConfigurationError) -> ReplicatorConfiguration {
    try ReplicatorConfiguration(&reader)
  }

  static func process(of configuration: ReplicatorConfiguration) -> ProcessConfiguration { configuration.process }

  static func run(_ configuration: ReplicatorConfiguration, _ process: RoleProcess) async throws {
    try await ReplicatorRole(configuration, process).run()
  }
}
