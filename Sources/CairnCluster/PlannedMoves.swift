internal import CairnModel

/// The replicas of a cluster while moves are planned: what is planned is already done here.
struct PlannedMoves {
  private(set) var tasks: [RepairTask] = []
  /// What the active nodes say of themselves.
  private(set) var active: [NodeID: NodeReport]
  /// What the nodes said of themselves last that are on the ring: all but the draining ones, silent ones too.
  let staying: [NodeReport]
  /// By size, so that an index says which of two is larger; equal ones by id.
  private(set) var volumes: [RebalancePlan.SizedVolume]
  /// Indices of the volumes on each node, ascending and therefore by size.
  private(set) var held: [NodeID: [Int]] = [:]

  init(volumes: [RebalancePlan.SizedVolume], nodes: [NodeStatus]) {
    let active = Dictionary(
      nodes.filter { $0.state == .active }.map { ($0.report.node, $0.report) }, uniquingKeysWith: { first, _ in first })
    self.active = active
    staying = nodes.filter { $0.state != .draining }.map(\.report)
    self.volumes = volumes.filter { sized in
      sized.volume.state == .sealed && sized.volume.nodes.allSatisfy { active[$0] != nil }
    }
    self.volumes.sort { ($0.size, $0.volume.id) < ($1.size, $1.volume.id) }
    for (index, sized) in self.volumes.enumerated() {
      for node in Set(sized.volume.nodes) { held[node, default: []].append(index) }
    }
  }

  /// Whether the volume may leave `source` for `target`: room, no second replica there, and no zone gets more replicas
  /// than the zone that it leaves had.
  func allows(_ index: Int, from source: NodeID, to target: NodeID) -> Bool {
    let sized = volumes[index]
    guard let giver = active[source], let taker = active[target], !taker.readOnly, taker.available >= sized.size,
      sized.volume.nodes.contains(source), !sized.volume.nodes.contains(target)
    else { return false }
    let others = ZoneSpread(of: sized.volume.nodes.filter { $0 != source }.compactMap { active[$0] })
    return others.replicas(beside: taker) <= others.replicas(beside: giver)
  }

  /// Plans the move, which ``allows(_:from:to:)`` was asked about.
  mutating func move(_ index: Int, from source: NodeID, to target: NodeID) {
    let sized = volumes[index]
    let sources = [source] + sized.volume.nodes.filter { $0 != source }
    tasks.append(.replicate(sized.volume.id, from: sources, to: target, replacing: source))
    volumes[index].volume.nodes = sized.volume.nodes.map { $0 == source ? target : $0 }
    // The node also counts what is not in volumes, and may say nonsense: never beyond the capacity.
    if var giver = active[source] {
      giver.available += min(sized.size, giver.capacity - min(giver.available, giver.capacity))
      active[source] = giver
    }
    active[target]?.available -= sized.size
    if let place = place(of: index, on: source) { held[source]?.remove(at: place) }
    held[target, default: []].insert(index, at: firstPlace(on: target) { $0 >= index })
  }

  private func place(of index: Int, on node: NodeID) -> Int? {
    let place = firstPlace(on: node) { $0 >= index }
    guard let held = held[node], held.indices.contains(place), held[place] == index else { return nil }
    return place
  }

  /// The first place in the node's list whose volume, and with it every later one, meets the condition.
  func firstPlace(on node: NodeID, where isMet: (Int) -> Bool) -> Int {
    guard let held = held[node] else { return 0 }
    var low = 0
    var high = held.count
    while low < high {
      let middle = (low + high) / 2
      if isMet(held[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
