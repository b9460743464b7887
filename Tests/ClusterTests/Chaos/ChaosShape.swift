import CairnTestSupport
import Glibc

/// What the cluster of a run is made of.
enum ChaosShape: String, CaseIterable, Sendable {
  /// Two coordinators and four nodes, with relays between them.
  case coordinators
  /// The same, and a write is acknowledged with one copy.
  case async
  /// Four equal machines.
  case peers
  /// Two coordinators and four nodes, each in a network namespace of its own: the kernel does the harm.
  case namespaces

  /// `CAIRN_CHAOS_SHAPE`, else one by the seed, where several seeds are run.
  static func of(seed: UInt64, seeds: Int) -> ChaosShape {
    if let name = Environment.variable("CAIRN_CHAOS_SHAPE"), let shape = ChaosShape(rawValue: name) { return shape }
    guard seeds > 1 else { return .coordinators }
    let possible = allCases.filter { $0 != .namespaces || ChaosNetwork.isAllowed }
    return possible[Int(seed % UInt64(possible.count))]
  }

  /// What can't be done to such a cluster, or would destroy what is on one disk only.
  var excluded: Set<Nemesis.Kind> {
    switch self {
    case .coordinators: [.partition, .line]
    case .async: [.partition, .line, .flip, .wipe]
    case .peers: [.partition, .line, .alone, .wipe]
    case .namespaces: [.cut, .slow, .damage, .wipe]
    }
  }
}
