import ArgumentParser
import CairnCatalog
import CairnCluster
import CairnHTTP
import CairnObjects
import CairnS3
import CairnStorage
import CairnTestSupport
import Logging
import Testing

@testable import cairn

@Suite struct SettingTests {
  private func read<Value>(_ setting: Setting<Value>, _ text: String?) throws -> Value {
    var reader = SettingReader(environment: text.map { [setting.name: $0] } ?? [:], flags: [:])
    return try reader.read(setting)
  }

  @Test(arguments: [("1", 1), ("1024", 1024), ("1K", 1024), ("2MiB", 2 << 20), ("3gb", 3 << 30), ("4T", 4 << 40)])
  func sizesHaveUnits(text: String, bytes: UInt64) throws {
    #expect(try read(Settings.uploadSizeMax, text) == bytes)
  }

  @Test(arguments: ["", "-1", "x", "1.5G", "5T", "99999999999999999999", "16777216T", "0"])
  func sizesOutOfRangeAreRefused(text: String) {
    // An empty variable counts as not set, and so gives the default.
    guard !text.isEmpty else { return }
    #expect(throws: ConfigurationError.self) { try read(Settings.uploadSizeMax, text) }
  }

  @Test func errorsNameVariableValueAndWhatIsAllowed() throws {
    do {
      _ = try read(Settings.port, "eighty")
      Issue.record("'eighty' is no port")
    } catch {
      #expect("\(error)" == "PORT is 'eighty' (environment), allowed: a number from 0 to 65535")
    }
  }

  @Test(arguments: [
    (nil, PlacementPolicy.balanced), ("random", .random), ("least-blobs", .leastBlobs),
    ("Consistent-Hash", .consistentHash),
  ])
  func serverAndCoordinatorReadThePlacementPolicy(text: String?, policy: PlacementPolicy) throws {
    let environment = text.map { ["PLACEMENT_POLICY": $0] } ?? [:]
    var server = SettingReader(environment: environment, flags: [:])
    #expect(try ServerConfiguration(&server).placementPolicy == policy)
    var coordinator = SettingReader(environment: environment, flags: [:])
    #expect(try CoordinatorConfiguration(&coordinator).placementPolicy == policy)
  }

  @Test func placementPolicyErrorNamesThePoliciesThereAre() {
    let expected =
      "PLACEMENT_POLICY is 'fullest' (environment), allowed: balanced, random, least-blobs, consistent-hash"
    let error = #expect(throws: ConfigurationError.self) { try read(Settings.placementPolicy, "fullest") }
    #expect(error.map { "\($0)" } == expected)
  }

  @Test func replicationModeIsSyncUnlessSet() throws {
    for (text, mode) in [(nil, ReplicationMode.sync), ("sync", .sync), ("async", .async)]
      as [(String?, ReplicationMode)]
    {
      let environment = text.map { ["REPLICATION_MODE": $0] } ?? [:]
      var server = SettingReader(environment: environment, flags: [:])
      #expect(try ServerConfiguration(&server).replication.mode == mode)
      var coordinator = SettingReader(environment: environment, flags: [:])
      #expect(try CoordinatorConfiguration(&coordinator).replication.mode == mode)
      #expect(coordinator.entries.contains { $0.name == "REPLICATION_MODE" && $0.value == mode.rawValue })
    }
    let error = #expect(throws: ConfigurationError.self) { try read(Settings.replicationMode, "lazy") }
    #expect(error.map { "\($0)" } == "REPLICATION_MODE is 'lazy' (environment), allowed: sync, async")
  }

  @Test func replicationAndRepairHaveDefaults() throws {
    var reader = SettingReader(environment: [:], flags: [:])
    let coordinator = try CoordinatorConfiguration(&reader)
    #expect(coordinator.replication == ReplicationPolicy(factor: 3))
    #expect(coordinator.replication.minimum == 2)
    #expect(coordinator.repair.delay == .seconds(600))
    #expect(coordinator.repair.bandwidth == 64 << 20)
    #expect(coordinator.repair.orphanAge == .seconds(86_400))
    #expect(coordinator.repair.isEnabled)
    #expect(coordinator.zone == nil)
    var serverReader = SettingReader(environment: [:], flags: [:])
    #expect(try ServerConfiguration(&serverReader).replication == ReplicationPolicy(factor: 1))
  }

  @Test func strangersAreOnlyServedWhereSomebodySaidSo() throws {
    var reader = SettingReader(environment: [:], flags: [:])
    let server = try ServerConfiguration(&reader)
    let closed = server.s3
    #expect(closed.listen?.port == 9000 && !server.access.allowsAnonymous)
    #expect(closed.settings.region == "us-east-1" && closed.settings.domain == nil)
    let command = try Coordinator.parse([
      "--s3-port", "9100", "--s3-domain", "s3.example.org", "--s3-region", "attic-1", "--allow-anonymous",
    ])
    var flags: [String: String] = [:]
    for case (let name, let value?) in command.options.flatMap(\.flags) { flags[name] = value }
    var other = SettingReader(environment: [:], flags: flags)
    let coordinator = try Coordinator.configuration(&other)
    let open = coordinator.s3
    #expect(open.listen?.port == 9100 && coordinator.access.allowsAnonymous)
    #expect(open.settings.region == "attic-1" && open.settings.domain == "s3.example.org")
    var off = SettingReader(environment: ["S3_PORT": "off"], flags: [:])
    #expect(try ServerConfiguration(&off).s3.listen == nil)
    for port in ["none", "65536", "-1"] {
      var bad = SettingReader(environment: ["S3_PORT": port], flags: [:])
      #expect(throws: ConfigurationError.self) { try ServerConfiguration(&bad) }
    }
  }

  @Test func eachReplicationSettingHasAFlag() throws {
    let command = try Coordinator.parse([
      "--replication-factor", "2", "--min-replicas", "1", "--replication-mode", "async", "--repair-delay", "0.1",
      "--repair-bandwidth", "1M",
      "--orphan-age", "5", "--replicator", "off", "--node-zone", "attic",
    ])
    var flags: [String: String] = [:]
    for case (let name, let value?) in command.options.flatMap(\.flags) { flags[name] = value }
    var reader = SettingReader(environment: [:], flags: flags)
    let configuration = try Coordinator.configuration(&reader)
    #expect(configuration.replication == ReplicationPolicy(factor: 2, minimum: 1, mode: .async))
    #expect(configuration.repair.delay == .milliseconds(100))
    #expect(configuration.repair.bandwidth == 1 << 20)
    #expect(configuration.repair.orphanAge == .seconds(5))
    #expect(!configuration.repair.isEnabled)
    #expect(configuration.zone == "attic")
  }

  @Test(arguments: [
    ["REPLICATION_FACTOR": "0"], ["REPLICATION_FACTOR": "17"], ["MIN_REPLICAS": "0"], ["MIN_REPLICAS": "4"],
    ["REPAIR_DELAY": "0"], ["REPAIR_DELAY": "31536001"], ["REPAIR_BANDWIDTH": "fast"], ["REPAIR_BANDWIDTH": "0"],
    ["ORPHAN_AGE": "-1"], ["REPLICATOR": "perhaps"],
  ])
  func replicationSettingsOutOfRangeAreToldWithTheirNames(environment: [String: String]) throws {
    let name = try #require(environment.keys.first)
    var reader = SettingReader(environment: environment, flags: [:])
    let error = #expect(throws: ConfigurationError.self) { try CoordinatorConfiguration(&reader) }
    #expect(error.map { "\($0)".hasPrefix(name) } == true)
  }

  @Test func flagsComeBeforeTheEnvironmentAndThatBeforeDefaults() throws {
    var reader = SettingReader(environment: ["PORT": "1", "HOST": ""], flags: ["PORT": "2"])
    #expect(try reader.read(Settings.port) == 2)
    #expect(try reader.read(Settings.host) == "127.0.0.1")
    #expect(reader.entries.map(\.origin) == [.flag, .fallback])
  }

  @Test func secretsAreNotShown() throws {
    var reader = SettingReader(environment: ["CLUSTER_SECRET": TestSecret.cluster], flags: [:])
    #expect(try reader.readOptional(Settings.clusterSecret) == TestSecret.cluster)
    #expect(reader.entries.map(\.value) == ["********"])
  }

  @Test func rolesOfAProcessShareTheKeysOfTheCluster() throws {
    var reader = SettingReader(environment: ["CLUSTER_SECRET": TestSecret.cluster], flags: [:])
    let keys = try #require(try reader.clusterKeys())
    #expect(try reader.clusterKeys() === keys)
  }

  @Test(arguments: ["a", "change-me", "hush, this is nobody else's", String(repeating: "x", count: 40)])
  func aGuessableClusterSecretIsRefusedWithoutShowingIt(_ secret: String) throws {
    for read in [
      { _ = try NodeConfiguration(&$0) }, { _ = try CoordinatorConfiguration(&$0) },
      { _ = try ReplicatorConfiguration(&$0) }, { _ = try ServerConfiguration(&$0) },
      { _ = try RecoverConfiguration(&$0, isLocal: false) },
    ] as [(inout SettingReader) throws -> Void] {
      var reader = SettingReader(environment: ["CLUSTER_SECRET": secret], flags: [:])
      let error = #expect(throws: ConfigurationError.self) { try read(&reader) }
      let text = "\(try #require(error))"
      #expect(text.hasPrefix("CLUSTER_SECRET ") && text.contains("`cairn secret`"), "\(text)")
      #expect(secret == "a" || secret == "change-me" || !text.contains(secret))
    }
  }

  @Test func debugLowersTheLogLevel() throws {
    var reader = SettingReader(environment: ["DEBUG": "1"], flags: [:])
    #expect(try ProcessConfiguration(&reader).logLevel == .debug)
  }

  @Test func nodesNeedASecretOnOtherAddressesThanLoopback() throws {
    func configuration(_ environment: [String: String]) throws {
      var reader = SettingReader(environment: environment, flags: [:])
      _ = try NodeConfiguration(&reader)
    }
    try configuration(["HOST": "127.0.0.1"])
    try configuration(["HOST": "0.0.0.0", "CLUSTER_SECRET": TestSecret.cluster])
    try configuration(["HOST": "0.0.0.0", "ALLOW_INSECURE_CLUSTER": "1"])
    #expect(throws: ConfigurationError.self) { try configuration(["HOST": "0.0.0.0"]) }
    #expect(throws: ConfigurationError.self) { try configuration(["HOST": "192.0.2.1"]) }
  }

  @Test func otherAddressesThanLoopbackNeedAuthOrAWord() throws {
    func configuration(_ environment: [String: String]) throws -> AccessConfiguration {
      var reader = SettingReader(environment: environment, flags: [:])
      return try ServerConfiguration(&reader).access
    }
    #expect(try !configuration([:]).isRequired)
    #expect(try configuration(["HOST": "0.0.0.0", "AUTH": "required"]).isRequired)
    #expect(try configuration(["HOST": "::", "ALLOW_ANONYMOUS": "1"]).allowsAnonymous)
    let both = try configuration(["HOST": "::", "ALLOW_ANONYMOUS": "1", "AUTH": "required"])
    #expect(both.isRequired && !both.allowsAnonymous)
    #expect(throws: ConfigurationError.self) { try configuration(["HOST": "0.0.0.0"]) }
    #expect(throws: ConfigurationError.self) {
      try configuration(["HOST": "192.0.2.1", "ACCESS_KEY": "abc", "SECRET_KEY": "12345678"])
    }
  }

  @Test func firstKeyNeedsBothOfItsHalves() throws {
    func key(_ environment: [String: String]) throws -> AccessKey? {
      var reader = SettingReader(environment: environment, flags: [:])
      return try ServerConfiguration(&reader).access.firstKey
    }
    #expect(try key([:]) == nil)
    #expect(try key(["ACCESS_KEY": "abc", "SECRET_KEY": "12345678"])?.isAdministrator == true)
    for environment in [
      ["ACCESS_KEY": "abc"], ["SECRET_KEY": "12345678"], ["ACCESS_KEY": "a/b", "SECRET_KEY": "12345678"],
      ["ACCESS_KEY": "abc", "SECRET_KEY": "short"], ["ACCESS_KEY": "abc", "SECRET_KEY": "with a space"],
    ] {
      #expect(throws: ConfigurationError.self) { try key(environment) }
    }
  }

  @Test func peersAreAClusterOfEqualMachines() throws {
    var reader = SettingReader(environment: ["PEERS": "1", "NODE_PORT": "7"], flags: [:])
    guard case .peer(let peer) = try ServerMode(&reader) else { return #expect(Bool(false), "not a peer") }
    #expect(peer.coordinator.placementPolicy == .consistentHash)
    #expect(peer.coordinator.replication == ReplicationPolicy(factor: 3))
    #expect(peer.coordinator.process.listen.port == 8000)
    #expect(peer.node.process.listen.port == 7)
    #expect(peer.coordinator.zone == peer.node.zone)
    #expect(Set(reader.entries.map(\.name)).count == reader.entries.count, "each setting is shown once")
  }

  @Test func peersNeedASecretOnOtherAddressesThanLoopback() throws {
    for environment in [[:], ["CLUSTER_SECRET": TestSecret.cluster], ["ALLOW_INSECURE_CLUSTER": "1"]] {
      var reader = SettingReader(
        environment: environment.merging(["PEERS": "1", "HOST": "0.0.0.0", "AUTH": "required"]) { $1 }, flags: [:])
      if environment.isEmpty {
        #expect(throws: ConfigurationError.self) { try ServerMode(&reader) }
      } else {
        _ = try ServerMode(&reader)
      }
    }
  }

  @Test func eachPeerSettingHasAFlag() throws {
    let command = try Server.parse([
      "--peers", "--node-port", "9", "--redis-host", "r", "--advertise-host", "a", "--node-zone", "z",
      "--node-write-deadline", "1", "--cluster-secret", TestSecret.cluster,
    ])
    var flags: [String: String] = [:]
    for case (let name, let value?) in command.options.flatMap(\.flags) { flags[name] = value }
    var reader = SettingReader(environment: [:], flags: flags)
    guard case .peer(let peer) = try ServerMode(&reader) else { return #expect(Bool(false), "not a peer") }
    #expect(peer.node.process.listen.port == 9)
    #expect(peer.node.redis.address == .host("r", port: 6379))
    #expect(peer.node.advertiseHost == "a")
    #expect(peer.node.zone == "z")
    #expect(peer.coordinator.writeDeadline == .seconds(1))
    #expect(peer.coordinator.keys != nil && peer.node.keys === peer.coordinator.keys)
  }

  @Test func timeoutMustExceedTheHeartbeatInterval() {
    #expect(throws: ConfigurationError.self) {
      var reader = SettingReader(environment: ["NODE_TIMEOUT": "5", "NODE_HEARTBEAT_INTERVAL": "10"], flags: [:])
      _ = try MembershipConfiguration(&reader)
    }
  }

  @Test func everyFlagIsTheVariableInLowerCaseWithDashes() {
    #expect(Settings.heartbeatInterval.flag == "--node-heartbeat-interval")
  }
}
