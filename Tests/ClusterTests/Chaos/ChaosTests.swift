import CairnModel
import CairnTestSupport
import Foundation
import Synchronization
import Testing

extension ClusterSuite {
  /// Everything at once: load, faults from a seed, and a judge of all that clients were told.
  ///
  /// `make test` runs each for some seconds with a fixed seed. `make chaos` sets `CAIRN_CHAOS_SECONDS` and runs
  /// `CAIRN_CHAOS_SEEDS` seeds for so long each. `CAIRN_TEST_SEED` is the first seed, `CAIRN_CHAOS_FAULTS` chooses
  /// among those of ``Nemesis/Kind``, `CAIRN_CHAOS_SHAPE` among those of ``ChaosShape``.
  @Suite struct ChaosTests {
    private static let seconds = Environment.variable("CAIRN_CHAOS_SECONDS").flatMap { Int($0) }
    private static let clients = 8
    /// Those that leave in the middle of what they do.
    private static let leavingClients = 2
    /// A client waits so long for a coordinator that doesn't answer, before it goes to another one.
    private static let longestRefusal: UInt64 = 20_000_000_000
    /// For repair to compare replicas, and to copy what some of them lack.
    private static let repairTime: Duration = .seconds(30)
    /// After Redis is back, for its clients to connect and for nodes to say that they are alive.
    private static let redisReturns: UInt64 = 5_000_000_000

    static let seeds: [UInt64] = {
      let first = Environment.variable(SeededRandom.variable).flatMap { UInt64($0) } ?? 1
      let count = Environment.variable("CAIRN_CHAOS_SEEDS").flatMap { UInt64($0) } ?? 1
      return (0..<max(count, 1)).map { first &+ $0 }
    }()

    static let kinds: Set<Nemesis.Kind> = {
      guard let text = Environment.variable("CAIRN_CHAOS_FAULTS") else { return Nemesis.Kind.usual }
      return Set(text.split(separator: ",").compactMap { Nemesis.Kind(rawValue: String($0)) })
    }()

    @Test(arguments: seeds) func acknowledgedObjectsSurviveFaults(seed: UInt64) async throws {
      let length = Duration.seconds(Self.seconds ?? 25)
      let shape = ChaosShape.of(seed: seed, seeds: Self.seeds.count)
      let kinds = Self.kinds.subtracting(shape.excluded)
      print("chaos: \(SeededRandom.variable)=\(seed), \(shape), \(length), \(kinds.map(\.rawValue).sorted())")
      let chaos = try await ChaosCluster(
        seed: seed, shape: shape, repairDelay: Self.repairDelay(seed),
        replicatorCount: [.peers, .namespaces].contains(shape) ? 0 : Self.replicatorCount(seed))
      let nemesis = Nemesis(
        seed: seed, kinds: kinds, nodeCount: chaos.nodes.count, coordinatorCount: chaos.coordinatorCount,
        replicatorCount: chaos.replicators.count, machineCount: chaos.machineCount, length: length)
      let load = ChaosLoad(seed: seed, ports: chaos.coordinators.map(\.port))
      let told = Mutex<[String]>([])
      let tell: @Sendable (String) -> Void = { event in
        told.withLock { $0.append("\(load.history.now / 1_000_000) ms: \(event)") }
      }
      let withoutRedis = Mutex<[Range<UInt64>]>([])
      let around: Nemesis.Around = { fault, body in
        let start = load.history.now
        try await body()
        guard fault.concernsRedis else { return }
        withoutRedis.withLock { $0.append(start..<load.history.now + Self.redisReturns) }
      }
      var isComplete = true
      try await load.work(clients: Self.clients, leaving: Self.leavingClients) {
        // What the nemesis finds is told at the end, with the rest.
        async let nodes = report { try await Nemesis.carryOut(nemesis.nodes, on: chaos, tell: tell) }
        async let control = report {
          try await Nemesis.carryOut(nemesis.control, on: chaos, tell: tell, around: around)
        }
        isComplete = await [nodes, control] == [true, true]
      }
      try await chaos.waitUntilHealed()
      let counts = load.counts
      try await load.readAll()

      let events = told.withLock { $0 }.joined(separator: "\n")
      let names = load.history.byName.count
      print(
        """
        chaos: seed \(seed): \(nemesis.nodes.count) + \(nemesis.control.count) faults; \(counts.acknowledged) writes \
        answered and \(counts.unknown) not, \(counts.read) reads answered and \(counts.unread) not, \(names) names
        """)
      let refusal = load.longestRefusal(excusing: withoutRedis.withLock { $0 })
      print("chaos: seed \(seed): no write for \(refusal.length / 1_000_000) ms at most, Redis apart")
      #expect(refusal.length < Self.longestRefusal, "from \(refusal.start / 1_000_000) ms on, seed \(seed):\n\(events)")
      let problems = load.problems + load.history.problems()
      #expect(problems.isEmpty, "seed \(seed):\n\(problems.joined(separator: "\n"))\nfaults:\n\(events)")
      #expect(counts.acknowledged > 100)
      let isHealed = await report("seed \(seed), faults:\n\(events)") {
        try await chaos.waitUntilComplete(within: .seconds(120))
      }
      print("chaos: seed \(seed): repairs: \(chaos.repairs())")
      let errors = chaos.loggedErrors()
      if !errors.isEmpty { print("chaos: seed \(seed): errors in the logs:\n\(errors.joined(separator: "\n"))") }
      let areFull = try await expectFullReplicas(
        chaos, nemesis, acknowledged: load.history.acknowledgedNames, seed: seed)
      if !problems.isEmpty || !isComplete || !isHealed || !areFull {
        try keepLogs(of: chaos, seed: seed, events: events)
      }
    }

    /// Every other seed has nodes replaced that were away for some seconds only.
    private static func repairDelay(_ seed: UInt64) -> Int { seed.isMultiple(of: 2) || kinds.contains(.wipe) ? 2 : 600 }

    /// Half of the seeds have replicators of their own.
    private static func replicatorCount(_ seed: UInt64) -> Int { seed % 4 < 2 ? 2 : 0 }

    /// False where `body` fails; the test goes on.
    private func report(_ comment: String = "", _ body: () async throws -> Void) async -> Bool {
      do {
        try await body()
        return true
      } catch {
        Issue.record("\(error)\n\(comment)")
        return false
      }
    }

    /// Stops everything, and looks into the files of the nodes. True where each replica has all that it should have.
    private func expectFullReplicas(
      _ chaos: ChaosCluster, _ nemesis: Nemesis, acknowledged: Set<String>, seed: UInt64
    ) async throws -> Bool {
      var (paths, damaged) = ([NodeID: String](), NodeID?.none)
      let ids = try await chaos.ids()
      for (index, node) in chaos.nodes.enumerated() {
        let id = try #require(NodeID(ids[index]))
        paths[id] = node.storagePath
        if nemesis.nodes.contains(where: { $0.fault == .flipBytes(index) }) { damaged = id }
      }
      var check = try await stopAndCheck(chaos, paths, damaged: damaged, seed: seed)
      let broken = check.problems.filter { acknowledged.contains(String($0.prefix { $0 != ":" })) }
      #expect(broken == [], "acknowledged, and not on each replica, seed \(seed)")
      // A write that a crash left on one replica is recovered from there, and repair gives it to the others.
      for _ in 0..<3 where !check.problems.isEmpty {
        print("chaos: seed \(seed): not repaired yet:\n\(check.problems.joined(separator: "\n"))")
        for process in chaos.processes.reversed() { try await process.restart() }
        try await chaos.waitUntilHealed()
        try await Task.sleep(for: Self.repairTime)
        check = try await stopAndCheck(chaos, paths, damaged: damaged, seed: seed)
      }
      print(
        """
        chaos: seed \(seed): \(check.objectCount) objects of \(check.referencedCount) records among \
        \(check.recordCount) on the disks, \(check.orphanCount) of them orphans
        """)
      #expect(check.problems == [], "seed \(seed)")
      return broken.isEmpty && check.problems.isEmpty
    }

    private func stopAndCheck(
      _ chaos: ChaosCluster, _ paths: [NodeID: String], damaged: NodeID?, seed: UInt64
    ) async throws -> ReplicaCheck {
      for process in chaos.processes {
        try await process.stopInOrder()
        // The nemesis may have started it again since.
        #expect(process.crash == nil, "\(process.role), seed \(seed)")
      }
      return try await ReplicaCheck(storagePaths: paths, redisPort: chaos.redis.port, damaged: damaged)
    }

    /// Logs of a failed run, for whoever looks for its cause.
    private func keepLogs(of chaos: ChaosCluster, seed: UInt64, events: String) throws {
      guard let folder = Environment.variable("CAIRN_CHAOS_LOGS") else { return }
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      for process in chaos.processes {
        try Data(process.log.utf8).write(to: URL(filePath: "\(folder)/\(seed)-\(process.role)-\(process.port).log"))
      }
      try Data(events.utf8).write(to: URL(filePath: "\(folder)/\(seed)-faults.txt"))
    }
  }
}
