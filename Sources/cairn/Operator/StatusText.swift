/// What people see of the server's answers.
enum StatusText {
  /// Digits of a node's id that are shown: enough to tell thousands of random ids apart.
  private static let shownDigits = 12

  static func nodes(_ answer: NodesAnswer) -> String {
    nodes(
      answer.all.map { node in
        NodeAnswer(
          nodeId: node.nodeId, address: node.address, port: node.listenPort, zone: node.zone, status: node.status,
          lastHeartbeat: node.lastHeartbeat, capacity: node.capacity, available: node.availableSpace,
          volumeCount: node.volumeCount, blobCount: node.blobCount, detail: node.detail)
      })
  }

  static func nodes(_ nodes: [NodeAnswer]) -> String {
    guard !nodes.isEmpty else { return "no node was ever seen: start one with `cairn node`" }
    var columns = Columns([
      "NODE": .left, "ADDRESS": .left, "ZONE": .left, "STATUS": .left, "LAST HEARTBEAT": .left, "USED": .right,
      "CAPACITY": .right, "FILL": .right, "VOLUMES": .right, "BLOBS": .right,
    ])
    for node in nodes {
      let used = node.capacity - min(node.available, node.capacity)
      columns.add([
        String(node.nodeId.prefix(shownDigits)), address(node), node.zone, node.status, node.lastHeartbeat,
        Amounts.gibibytes(used), Amounts.gibibytes(node.capacity), Amounts.share(used, of: node.capacity),
        "\(node.volumeCount)", "\(node.blobCount)",
      ])
    }
    let details = nodes.compactMap { node in
      node.detail.map { "\(node.nodeId.prefix(shownDigits)): \(Columns.printable($0))" }
    }
    return ([columns.text] + details).joined(separator: "\n")
  }

  static func status(_ answer: StatusAnswer) -> String {
    let volumes = answer.volumes
    let repair = answer.repair
    var parts = [
      nodes(answer.nodes),
      """
      volumes  \(volumes.total): \(volumes.open) open, \(volumes.sealed) sealed
      safety   \(volumes.healthy) healthy, \(volumes.underReplicated) under-replicated, \(volumes.atRisk) at risk, \
      \(volumes.unavailable) unavailable
      repair   \(repair.running) running, \(repair.waiting) waiting, \(repair.retrying) to be tried again
      """,
    ]
    let damaged = answer.nodes.filter { $0.damagedCount ?? 0 > 0 }
    if !damaged.isEmpty {
      let places = damaged.map { "\($0.damagedCount ?? 0) on \($0.nodeId.prefix(shownDigits))" }.joined(separator: ", ")
      parts.append("damage   \(places)")
    }
    if !repair.tasks.isEmpty { parts.append(tasks(repair.tasks)) }
    return parts.joined(separator: "\n\n")
  }

  private static func tasks(_ tasks: [StatusAnswer.Task]) -> String {
    var columns = Columns([
      "TASK": .left, "KIND": .left, "STATE": .left, "WORKER": .left, "TRIES": .right, "DONE": .right, "TOTAL": .right,
      "RATE": .right, "LEFT": .right, "LAST ERROR": .left,
    ])
    for task in tasks {
      columns.add([
        task.key, task.kind, task.state, task.worker ?? "", "\(task.attempts)",
        task.done.map(Amounts.gibibytes) ?? "", task.total.map(Amounts.gibibytes) ?? "",
        task.rate.map(Amounts.rate) ?? "", task.etaSeconds.map(Amounts.time) ?? "", task.lastError ?? "",
      ])
    }
    return columns.text
  }

  private static func address(_ node: NodeAnswer) -> String {
    node.address.contains(":") ? "[\(node.address)]:\(node.port)" : "\(node.address):\(node.port)"
  }
}
