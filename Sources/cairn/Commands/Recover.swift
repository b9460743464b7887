import ArgumentParser
import CairnHTTP

/// `cairn recover`: a lost catalog, from the disks.
struct Recover: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Rebuild a lost catalog from the storage nodes' disks alone.",
    discussion: """
      Reads every record on every node and puts into the catalog what it lacks: objects, attributes, volumes. Deleted
      objects stay deleted, the newest version of a name wins. It may run again and again, and while clients write.

      The nodes are those that send heartbeats to Redis, and those given with --node. For the catalog of a stopped
      `cairn server`: cairn recover --sqlite --base-storage-path PATH

      Exit codes: 0 done; 1 failed, or --verify found differences; 2 nodes are away, or volumes can't be read.
      """)

  @Flag(help: "Recover catalog.sqlite of a stopped `cairn server` in BASE_STORAGE_PATH, instead of Redis.")
  var sqlite = false
  @Option(help: "HOST:PORT of a node that may not be registered; can be given several times.")
  var node: [String] = []
  @Flag(help: "Go on when nodes are away: what only they hold is missing until the next run.")
  var partial = false
  @Flag(help: "Change nothing; compare the catalog with the disks and print each difference on a line.")
  var verify = false
  @Flag(help: "Print the result as JSON.")
  var json = false
  @OptionGroup(title: "Storage") var storage: StorageOptions
  @OptionGroup(title: "Cluster") var cluster: ClusterOptions
  @OptionGroup(title: "Membership") var membership: MembershipOptions

  func run() async throws {
    var reader = SettingReader.current([storage, cluster, membership])
    var configuration: RecoverConfiguration
    do throws(ConfigurationError) {
      configuration = try RecoverConfiguration(&reader, isLocal: sqlite)
    } catch {
      throw ValidationError("\(error)")
    }
    configuration.nodes = try node.map { text in
      guard let address = ListenAddress(text) else {
        throw ValidationError("--node is '\(text)', allowed: HOST:PORT")
      }
      return address
    }
    configuration.isPartial = partial
    configuration.isVerification = verify
    configuration.printsJSON = json
    let final = configuration
    var exitCode: Int32 = 0
    try await RoleProcess.run("recover", final.process, isService: false) { process in
      exitCode = try await process.interruptible { try await RecoverRole(final, process).run() }
    }
    if exitCode != 0 { throw ExitCode(exitCode) }
  }
}

extension ListenAddress {
  /// `HOST:PORT`, or `[HOST]:PORT`.
  init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (1...65535).contains(port)
    else { return nil }
    var host = text[..<colon]
    if host.utf8.first == UInt8(ascii: "["), host.utf8.last == UInt8(ascii: "]") { host = host.dropFirst().dropLast() }
    guard !host.isEmpty else { return nil }
    self.init(host: String(host), port: port)
  }
}
