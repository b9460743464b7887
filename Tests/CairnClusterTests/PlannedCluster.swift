import CairnCluster
import CairnModel
import Testing

/// Nodes and volumes on which plans are carried out, as a replicator would do it; it refuses what makes no sense.
struct PlannedCluster {
  var nodes: [NodeStatus]
  var volumes: [RebalancePlan.SizedVolume] = []
  private(set) var movedBytes: UInt64 = 0
  private(set) var taskCount = 0

  init(nodes: [NodeStatus]) {
    self.nodes = nodes
  }

  var ids: Set<NodeID> { Set(nodes.map(\.report.node)) }

  func status(of node: NodeID) -> NodeStatus? { nodes.first { $0.report.node == node } }

  func zones(of volume: Volume) -> Set<String> { Set(volume.nodes.compactMap { status(of: $0)?.report.zone }) }

  /// Used / capacity of the active nodes.
  var fills: [Double] {
    nodes.filter { $0.state == .active }.map { 1 - Double($0.report.available) / Double($0.report.capacity) }
  }

  mutating func add(_ volume: Volume, size: UInt64) {
    volumes.append(.init(volume: volume, size: size))
    for node in volume.nodes { take(size, from: node) }
  }

  mutating func apply(_ tasks: [RepairTask]) throws {
    taskCount += tasks.count
    for task in tasks {
      let index = try #require(volumes.firstIndex { $0.volume.id == task.volume })
      let size = volumes[index].size
      switch task {
      case .replicate(_, let from, let to, let replaced):
        let target = try #require(status(of: to))
        #expect(target.state == .active && !target.report.readOnly && target.report.available >= size)
        #expect(!volumes[index].volume.nodes.contains(to))
        #expect(!from.isEmpty && from.allSatisfy { volumes[index].volume.nodes.contains($0) })
        for source in from {
          let state = try #require(status(of: source)).state
          #expect(state == .active || state == .draining)
        }
        take(size, from: to)
        movedBytes += size
        if let replaced { try remove(replaced, at: index) }
        volumes[index].volume.nodes.append(to)
      case .retire(_, let node):
        #expect(status(of: node)?.state == .draining)
        try remove(node, at: index)
      }
      #expect(Set(volumes[index].volume.nodes).count == volumes[index].volume.nodes.count)
    }
  }

  private mutating func remove(_ node: NodeID, at index: Int) throws {
    let place = try #require(volumes[index].volume.nodes.firstIndex(of: node))
    volumes[index].volume.nodes.remove(at: place)
    if let place = nodes.firstIndex(where: { $0.report.node == node }) {
      nodes[place].report.available += volumes[index].size
    }
  }

  private mutating func take(_ size: UInt64, from node: NodeID) {
    guard let place = nodes.firstIndex(where: { $0.report.node == node }) else { return }
    nodes[place].report.available -= size
  }
}
