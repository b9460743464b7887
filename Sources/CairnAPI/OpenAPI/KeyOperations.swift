internal import CairnModel
internal import CairnObjects
internal import NIOHTTP1

/// Access keys.
extension Operation {
  static let listKeys = Operation(
    .GET, "listKeys", "The access keys, without their secrets, and what they may do.",
    answers: [
      .json(
        "All keys.", .record(.always("keys", .list(.named(.accessKey)))),
        links: ["changeKey", "removeKey"].map { Link(id: $0, parameter: "key_id", pointer: "/keys/0/id") })
    ], access: .everybody)

  static let createKey = Operation(
    .POST, "createKey", "Make an access key; only this answer has its secret.",
    parameters: [.bucket(isRequired: false), .permissions("allow", "What the key may do there.")],
    answers: [
      .json(
        .created, "It is made.",
        .record(
          SchemaName.accessKeyMembers + [
            .always("secret", .text(pattern: "^[!-~]+$", length: AccessKey.secretLength))
          ]),
        links: ["changeKey", "removeKey"].map { Link(id: $0, parameter: "key_id", pointer: "/id") })
    ], access: .everybody)

  static let changeKey = Operation(
    .PATCH, "changeKey", "Allow an access key something, or no longer.",
    parameters: [
      .bucket(isRequired: true), .permissions("allow", "What it may do there from now on."),
      .permissions("deny", "What it may do there no longer, even if it owns the bucket; not with `allow`."),
    ],
    answers: [.json("The key as it is now.", .named(.accessKey))], failures: [.notFound, .conflict],
    access: .everybody)

  static let removeKey = Operation(
    .DELETE, "removeKey", "Remove an access key.",
    answers: [Answer(status: .noContent, summary: "It is removed.")], failures: [.notFound, .conflict],
    access: .everybody)
}

extension Operation.Parameter {
  fileprivate static func bucket(isRequired: Bool) -> Self {
    .query(
      "bucket", .text(pattern: "^(\\*|[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])$"), isRequired: isRequired,
      "A bucket, or `*` for every one; goes with what is allowed there.")
  }

  fileprivate static func permissions(_ name: String, _ summary: String) -> Self {
    .query(
      name, .text(pattern: "^(read|write|owner|all)(,(read|write|owner|all))*$"),
      summary + " \(S3Permissions.allowed), with commas between.")
  }
}
