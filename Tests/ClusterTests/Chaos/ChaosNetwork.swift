import CairnTestSupport
import Glibc
import Synchronization
import Testing

/// Machines on a network of their own: a namespace for each, and a bridge in one more that joins them with this process.
///
/// Namespaces are held by processes that do nothing, so nothing is left when the tests are killed. A pair of machines
/// that is parted knows a wrong hardware address of each other: what they send goes nowhere, and nobody is told.
final class ChaosNetwork: Sendable {
  /// Whether this process may make namespaces, and has the programs for it.
  static let isAllowed =
    geteuid() == 0
    && ["ip", "tc", "nsenter", "unshare"].allSatisfy { name in
      ["/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"].contains { access($0 + name, X_OK) == 0 }
    }

  private static let nobody = "02:00:00:00:00:01"
  /// The kernel takes its time over what an earlier one has left.
  private static let count = Atomic(0)

  private let folder: TemporaryFolder
  private let hub: GuardedProcess
  private let machines: [GuardedProcess]
  private let prefix: String
  /// Between this process, which knows 127.0.0.1 only, and machines.
  private let doors = Mutex<[CutProxy]>([])

  init(machines count: Int) async throws {
    folder = try TemporaryFolder("network")
    hub = try Self.namespace(folder.path)
    machines = try (0..<count).map { [folder] _ in try Self.namespace(folder.path) }
    let number = Self.count.wrappingAdd(1, ordering: .relaxed).newValue
    prefix = "10.\(128 + number % 100).\(getpid() & 255)"
    try await inHub("ip", "link", "add", "hub", "type", "bridge")
    try await inHub("ip", "link", "set", "hub", "up")
    for machine in machines.indices { try await connect(machine) }
    let outside = "cairn\(getpid())n\(number % 100)"
    try await Self.run("ip", "link", "add", outside, "type", "veth", "peer", "name", "outside", "netns", "\(hub.pid)")
    try await inHub("ip", "link", "set", "outside", "master", "hub", "up")
    try await Self.run("ip", "address", "add", "\(prefix).254/24", "dev", outside)
    try await Self.run("ip", "link", "set", outside, "up")
  }

  func address(of machine: Int) -> String { "\(prefix).\(machine + 1)" }

  /// What starts a program on a machine.
  func launcher(of machine: Int) -> [String] { ["nsenter", "--target", "\(machines[machine].pid)", "--net"] }

  /// Makes a port of a machine one of 127.0.0.1 as well.
  ///
  /// - Returns: a port that nobody listens on at either.
  func openDoor(to machine: Int) async throws -> Int {
    let port = try RedisServer.freePort()
    let door = try await CutProxy(port: port, host: "127.0.0.1", target: address(of: machine))
    doors.withLock { $0.append(door) }
    _ = try WireClient(port: port)
    return port
  }

  /// Nothing goes from one machine to the other any more, and nobody is told.
  func part(_ machine: Int, from other: Int) async throws {
    for (here, there) in [(machine, other), (other, machine)] {
      try await on(
        here, "ip", "neighbour", "replace", address(of: there), "lladdr", Self.nobody, "dev", "eth0", "nud", "permanent"
      )
    }
  }

  func join(_ machine: Int, with other: Int) async throws {
    for (here, there) in [(machine, other), (other, machine)] {
      try await on(here, "ip", "neighbour", "del", address(of: there), "dev", "eth0")
    }
  }

  /// Lets through so much each way.
  ///
  /// - Parameter megabits: a second; nil for all that the machine can do.
  func limit(_ machine: Int, megabits: Int?) async throws {
    let rate = megabits.map { ["rate", "\($0)mbit", "burst", "64kb", "latency", "200ms"] }
    let verb = rate == nil ? "del" : "replace"
    let rest = ["root"] + (rate.map { ["tbf"] + $0 } ?? [])
    try await Self.run(launcher(of: machine) + ["tc", "qdisc", verb, "dev", "eth0"] + rest)
    try await Self.run(hubLauncher + ["tc", "qdisc", verb, "dev", "port\(machine)"] + rest)
  }

  // MARK: Commands

  private func connect(_ machine: Int) async throws {
    try await inHub(
      "ip", "link", "add", "port\(machine)", "type", "veth", "peer", "name", "eth0", "netns",
      "\(machines[machine].pid)")
    try await inHub("ip", "link", "set", "port\(machine)", "master", "hub", "up")
    try await on(machine, "ip", "link", "set", "lo", "up")
    try await on(machine, "ip", "address", "add", "\(address(of: machine))/24", "dev", "eth0")
    try await on(machine, "ip", "link", "set", "eth0", "up")
  }

  private var hubLauncher: [String] { ["nsenter", "--target", "\(hub.pid)", "--net"] }

  private func inHub(_ command: String...) async throws { try await Self.run(hubLauncher + command) }

  private func on(_ machine: Int, _ command: String...) async throws {
    try await Self.run(launcher(of: machine) + command)
  }

  private static func run(_ command: String...) async throws { try await run(command) }

  private static func run(_ command: [String]) async throws {
    let result = try await ShortProcess.run(command[0], Array(command.dropFirst()))
    try #require(result.exitCode == 0, "\(command.joined(separator: " ")): \(result.output)")
  }

  /// A process in a new namespace, once it is there.
  private static func namespace(_ folder: String) throws -> GuardedProcess {
    let process = try GuardedProcess(
      "unshare", ["--net", "sleep", "infinity"], output: folder + "/namespaces.log", directory: folder)
    let own = try #require(link("/proc/self/ns/net"))
    for _ in 0..<2000 {
      if let new = link("/proc/\(process.pid)/ns/net"), new != own { return process }
      usleep(5000)
    }
    throw NotInTime(description: "no network namespace")
  }

  private static func link(_ path: String) -> String? {
    var buffer = [CChar](repeating: 0, count: 128)
    let count = readlink(path, &buffer, buffer.count)
    return count > 0 ? String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
  }
}
