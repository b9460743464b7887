internal import NIOHTTP1

/// The server itself.
extension Operation {
  static let health = Operation(
    .GET, "health", "The process serves.",
    answers: [
      .json(
        "It does.",
        .record(
          .always("status", .choice(["healthy"])), .always("role", .plainText), .always("version", .plainText),
          .always("durability", .plainText), .always("replication_mode", .choice(["sync", "async"]))))
    ], access: .nobody)

  static let ready = Operation(
    .GET, "ready", "It can do its job; 503 tells why it can't.",
    answers: [.json("It can.", .record(.always("status", .choice(["ready"]))))], access: .nobody)

  static let description = Operation(
    .GET, "openapi", "This description.",
    answers: [
      .json(
        "OpenAPI 3.0.",
        .record(
          .always("openapi", .plainText), .always("info", .record()), .always("paths", .record()),
          .always("components", .record())))
    ], access: .nobody)
}
