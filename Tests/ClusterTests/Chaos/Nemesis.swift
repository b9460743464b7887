import CairnTestSupport
import Foundation

/// What goes wrong in a run, and when: made from a seed, so that it can go wrong again.
struct Nemesis: Sendable {
  enum Fault: Hashable, Sendable, CustomStringConvertible {
    case killNode(Int)
    case pauseNode(Int)
    /// Connections between the coordinators and a node break, and new ones are refused.
    case cutNode(Int)
    /// They stay, and nothing comes through.
    case silenceNode(Int)
    /// Its line becomes slow.
    case slowNode(Int)
    /// Bits flip between the coordinators and a node.
    case damageLine(Int)
    /// Two machines hear nothing of each other any more. They are numbered as ``ChaosCluster/Machine`` has it.
    case part(Int, Int)
    /// The kernel lets little through to a machine and from it.
    case limitLine(Int)
    case flipBytes(Int)
    /// Its reserve is said to be reached.
    case fillNode(Int)
    /// It comes back with nothing, as another node.
    case wipeNode(Int)
    case killCoordinator(Int)
    case pauseCoordinator(Int)
    case killReplicator(Int)
    case pauseReplicator(Int)
    case killRedis
    case pauseRedis
    /// It comes back empty.
    case wipeRedis
    /// It has no memory left, and refuses what needs some.
    case fillRedis
    /// It makes room by forgetting.
    case evictFromRedis
    /// A coordinator dies with Redis, and is started before it.
    case startAlone(Int)

    /// Whether nothing can be written meanwhile.
    var concernsRedis: Bool {
      switch self {
      case .killRedis, .pauseRedis, .wipeRedis, .fillRedis, .evictFromRedis, .startAlone: true
      default: false
      }
    }

    var description: String {
      switch self {
      case .killNode(let node): "kill node \(node)"
      case .pauseNode(let node): "pause node \(node)"
      case .cutNode(let node): "cut off node \(node)"
      case .silenceNode(let node): "silence node \(node)"
      case .slowNode(let node): "slow node \(node) down"
      case .damageLine(let node): "damage the line to node \(node)"
      case .part(let machine, let other): "part machines \(machine) and \(other)"
      case .limitLine(let machine): "limit the line of machine \(machine)"
      case .flipBytes(let node): "flip bytes of node \(node)"
      case .fillNode(let node): "fill the disk of node \(node)"
      case .wipeNode(let node): "wipe node \(node)"
      case .killCoordinator(let coordinator): "kill coordinator \(coordinator)"
      case .pauseCoordinator(let coordinator): "pause coordinator \(coordinator)"
      case .killReplicator(let replicator): "kill replicator \(replicator)"
      case .pauseReplicator(let replicator): "pause replicator \(replicator)"
      case .killRedis: "kill redis"
      case .pauseRedis: "pause redis"
      case .wipeRedis: "wipe redis"
      case .fillRedis: "fill redis"
      case .evictFromRedis: "evict from redis"
      case .startAlone(let coordinator): "start coordinator \(coordinator) before redis"
      }
    }
  }

  /// One fault for some time, after a time of peace.
  struct Strike: Sendable, CustomStringConvertible {
    let peace: Duration
    let fault: Fault
    let length: Duration

    var description: String { "\(fault) for \(length)" }
  }

  enum Kind: String, CaseIterable, Sendable {
    case kill, pause, cut, flip, fill, redis
    /// A slow relay, and one that flips bits.
    case slow, damage
    /// Pairs of machines that hear nothing of each other, and slow lines: the kernel's doing.
    case partition, line
    /// Redis is away for longer than nodes may be silent.
    case late
    /// Redis has no memory left.
    case full
    /// A coordinator is started before Redis.
    case alone
    /// Not together with ``flip``: what is wiped may be the only good replica of what is damaged.
    case wipe
    /// Redis loses everything.
    case forget
    /// Redis loses what it chooses.
    case evict

    /// Those that are used where nobody chooses.
    static let usual = Set(allCases).subtracting([.wipe, .forget, .evict])
  }

  /// Strikes against nodes: one node at a time, so that with two replicas everything is there somewhere.
  let nodes: [Strike]
  /// Strikes against coordinators, replicators and Redis, at the same time as the others.
  let control: [Strike]

  /// - Parameters:
  ///   - coordinatorCount: those that are harmed; 0 where they are nodes as well.
  ///   - machineCount: how many machines there are to be parted.
  init(
    seed: UInt64, kinds: Set<Kind>, nodeCount: Int, coordinatorCount: Int, replicatorCount: Int, machineCount: Int,
    length: Duration
  ) {
    var random = SeededRandom(seed: seed ^ 0xFA17)
    // Bytes of one node only are ever flipped: the other replica is then sound.
    let victim = Int.random(in: 0..<nodeCount, using: &random)
    nodes = Self.strikes(length, &random) { random in
      let node = Int.random(in: 0..<nodeCount, using: &random)
      var faults: [(Fault, Duration)] = []
      if kinds.contains(.kill) { faults += [(.killNode(node), .milliseconds(1500)), (.killNode(node), .seconds(4))] }
      if kinds.contains(.pause) { faults += [(.pauseNode(node), .seconds(4)), (.pauseNode(node), .milliseconds(800))] }
      if kinds.contains(.cut) {
        faults += [
          (.cutNode(node), .seconds(3)), (.silenceNode(node), .seconds(4)), (.cutNode(node), .milliseconds(50)),
        ]
      }
      if kinds.contains(.slow) { faults += [(.slowNode(node), .seconds(5))] }
      if kinds.contains(.damage) { faults += [(.damageLine(node), .seconds(4))] }
      if machineCount > 1 {
        let machine = Int.random(in: 0..<machineCount, using: &random)
        let other = (machine + Int.random(in: 1..<machineCount, using: &random)) % machineCount
        if kinds.contains(.partition) { faults += [(.part(machine, other), .seconds(5))] }
        if kinds.contains(.line) { faults += [(.limitLine(machine), .seconds(5))] }
      }
      if kinds.contains(.flip) { faults += [(.flipBytes(victim), .milliseconds(1))] }
      if kinds.contains(.fill) { faults += [(.fillNode(node), .seconds(3))] }
      if kinds.contains(.wipe) { faults += [(.wipeNode(node), .seconds(2)), (.wipeNode(node), .milliseconds(10))] }
      return faults.randomElement(using: &random)
    }
    control = Self.strikes(length, &random) { random in
      var faults: [(Fault, Duration)] = []
      if coordinatorCount > 0 {
        let coordinator = Int.random(in: 0..<coordinatorCount, using: &random)
        if kinds.contains(.kill) { faults += [(.killCoordinator(coordinator), .seconds(1))] }
        if kinds.contains(.pause) { faults += [(.pauseCoordinator(coordinator), .seconds(3))] }
        if kinds.contains(.alone) { faults += [(.startAlone(coordinator), .seconds(5))] }
      }
      if replicatorCount > 0 {
        let replicator = Int.random(in: 0..<replicatorCount, using: &random)
        if kinds.contains(.kill) { faults += [(.killReplicator(replicator), .seconds(2))] }
        if kinds.contains(.pause) { faults += [(.pauseReplicator(replicator), .seconds(4))] }
      }
      if kinds.contains(.redis) { faults += [(.killRedis, .seconds(1)), (.pauseRedis, .seconds(2))] }
      if kinds.contains(.late) { faults += [(.killRedis, .seconds(8))] }
      if kinds.contains(.full) { faults += [(.fillRedis, .seconds(4))] }
      if kinds.contains(.evict) { faults += [(.evictFromRedis, .seconds(2))] }
      if kinds.contains(.forget) { faults += [(.wipeRedis, .milliseconds(500))] }
      return faults.randomElement(using: &random)
    }
  }

  private static func strikes(
    _ length: Duration, _ random: inout SeededRandom, _ choose: (inout SeededRandom) -> (Fault, Duration)?
  ) -> [Strike] {
    var strikes: [Strike] = []
    var end = Duration.zero
    while true {
      let peace = Duration.milliseconds(Int.random(in: 200...2500, using: &random))
      guard let (fault, longest) = choose(&random) else { return strikes }
      let strike = Strike(peace: peace, fault: fault, length: longest * Double.random(in: 0.1...1, using: &random))
      end += peace + strike.length
      guard end < length else { return strikes }
      strikes.append(strike)
    }
  }

  /// Carries out a fault from its begin to its end.
  typealias Around = @Sendable (Fault, () async throws -> Void) async throws -> Void

  /// Strikes, one after the other.
  ///
  /// - Parameters:
  ///   - tell: gets what happens, when it happens.
  ///   - around: carries each one out, from its begin to its end.
  static func carryOut(
    _ strikes: [Strike], on cluster: ChaosCluster, tell: @escaping @Sendable (String) -> Void,
    around: Around = { try await $1() }
  ) async throws {
    for strike in strikes {
      try await Task.sleep(for: strike.peace)
      try await around(strike.fault) {
        tell("\(strike)")
        try await cluster.begin(strike.fault)
        try await Task.sleep(for: strike.length)
        try await cluster.end(strike.fault)
        tell("end: \(strike.fault)")
      }
    }
  }
}
