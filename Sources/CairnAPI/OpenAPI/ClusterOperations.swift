internal import NIOHTTP1

/// What operators and their tools ask.
extension Operation {
  static let nodes = Operation(
    .GET, "nodes", "The storage nodes, as this coordinator knows them.",
    answers: [
      .json(
        "All nodes.",
        .record(
          .always("active_nodes_count", .count), .always("active_nodes", .list(.named(.listedNode))),
          .always("inactive_nodes", .list(.named(.listedNode))), .sometimes("detail", .plainText)),
        links: ["getNode", "forgetNode", "drainNode", "undrainNode"].map {
          Link(id: $0, parameter: "node_id", pointer: "/active_nodes/0/node_id")
        })
    ])

  static let getNode = Operation(
    .GET, "getNode", "A node, and while it is drained how much it still has to hold.",
    answers: [.json("The node.", .named(.node))], failures: [.notFound])

  static let forgetNode = Operation(
    .DELETE, "forgetNode", "Forget a node that is gone for good, and that no volume needs any more.",
    answers: [.json("It is forgotten.", .record(.always("forgotten", .named(.nodeID))))],
    failures: [.notFound, .conflict])

  static let drainNode = Operation(
    .POST, "drainNode", "Move what a node has elsewhere, so that it can be switched off.",
    answers: [.json("The node, which takes no data any more.", .named(.node))], failures: [.notFound, .conflict])

  static let undrainNode = Operation(
    .DELETE, "undrainNode", "Take a drain back.",
    answers: [.json("The node, which takes data again.", .named(.node))], failures: [.notFound])

  static let clusterStatus = Operation(
    .GET, "clusterStatus", "Nodes, how safe the volumes are, and the work under way.",
    answers: [
      .json(
        "The cluster.",
        .record(
          .always("nodes", .list(.named(.nodeState))), .always("volumes", volumeTotals),
          .always(
            "repair",
            .record(
              .always("waiting", .count), .always("running", .count), .always("retrying", .count),
              .always("tasks", .list(.named(.repairTask)))))))
    ])

  static let collectGarbage = Operation(
    .POST, "collectGarbage", "Remove what broken uploads left behind.",
    parameters: [.query("dry_run", .choice(["1", "true", "0", "false", ""]), "Only list it.")],
    answers: [
      .json(
        "What was found.",
        .record(
          .always("removed", .truth), .always("count", .count), .always("bytes", .count),
          .always("orphans", .list(.named(.orphan)))))
    ])

  static let scrub = Operation(
    .POST, "scrub", "Read and verify every replica, and mend what is damaged.",
    answers: [.json(.accepted, "It is begun.", .record(.always("replicas", .count)))])

  private static let volumeTotals = Schema.record(
    .always("total", .count), .always("open", .count), .always("sealed", .count), .always("healthy", .count),
    .always("under_replicated", .count), .always("at_risk", .count), .always("unavailable", .count))
}
